"""How an error of a user's own code is told."""

from sciml_bench.raised import LONGEST, told


def test_a_long_reason_is_cut_at_a_word_and_keeps_its_end_and_its_quotation_marks():
    cases = {
        "the users' value 'a long one that isn't short " + "and goes on " * 200 + "' was wrong": "and…'",
        'it said "' + "word " * 400 + '"': 'word…"',
        "it's said 'so' " + "word " * 400: "word…",
        "x" * 5000: "x…",
    }
    for text, end in cases.items():
        reason = told(ValueError(text), "; more")
        assert LONGEST - 50 < len(reason) <= LONGEST
        assert reason.endswith(f"{end}; more"), reason[-60:]


def test_the_folders_of_this_machine_are_left_out_of_a_reason_but_no_quotation_mark():
    error = FileNotFoundError(2, "No such file or directory", "/home/someone/data/x.txt")
    assert told(error) == "FileNotFoundError: [Errno 2] No such file or directory: 'x.txt'"
    assert told(ValueError('("/a/b/c", /d/e) or a/b and /f')) == 'ValueError: ("c", e) or a/b and /f'
