"""Imported first by the fork server, before any framework.

It only starts clean workers and computes nothing, so it silences what frameworks say on import and lets workers be forked from it
without JAX's warning: that one is about threads, and none runs before a device is touched.
"""

import logging
import signal
import warnings

from .children import forget

forget()

signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches it too, and its parent says what ends

warnings.filterwarnings("ignore", message="os.fork\\(\\) was called", category=RuntimeWarning)
warnings.filterwarnings("ignore", category=DeprecationWarning)
# On a GPU it advises coarser products at each fit: single precision is what was asked for.
logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
