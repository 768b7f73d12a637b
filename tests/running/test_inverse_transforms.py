"""On a GPU, torch's inverse real transforms ignore what they promise to ignore."""

from types import SimpleNamespace

import pytest
import torch

from sciml_bench.method.fourier_network import fourier_network
from sciml_bench.running.inverse_transforms import PARTS, HermitianInverse, mend

HONEST = torch.fft.irfft

CALLS = {
    "irfft": [{}, {"n": 14}, {"n": 13}, {"n": 9}, {"n": 40, "norm": "ortho"}, {"dim": 1, "norm": "forward"}],
    "irfftn": [
        {}, {"s": (6, 14)}, {"s": (6, -1)}, {"dim": (1, 2)}, {"dim": (-2, -1), "norm": "forward"}, {"dim": (2,), "s": (13,)},
        {"s": (4, 5, 13), "norm": "ortho"}, {"dim": (2, 1), "s": (16, 8)},
    ],
    "irfft2": [{}, {"s": (6, 13)}, {"dim": (0, 2), "norm": "ortho"}],
}  # fmt: skip


def cufft(x, n=None, dim=-1, norm=None):
    """Return what a GPU gives for the lengths concerned: the imaginary part b at wavenumber zero comes back as −b, b, −b, …"""
    honest = HONEST(x, n=n, dim=dim, norm=norm)
    sign = torch.cos(torch.pi * (1 + torch.arange(honest.shape[dim]))).to(honest.dtype)
    shape = [1] * honest.ndim
    shape[dim] = honest.shape[dim]
    return honest + x.select(dim, 0).imag.unsqueeze(dim) * sign.reshape(shape)


@pytest.fixture
def on_a_gpu():
    """A torch whose transforms behave as on a GPU."""
    return SimpleNamespace(
        fft=SimpleNamespace(irfft=cufft, ifftn=torch.fft.ifftn), ones=torch.ones, complex=torch.complex
    )


@pytest.mark.parametrize(("name", "words"), [(n, w) for n, calls in CALLS.items() for w in calls], ids=str)
def test_values_and_gradients_are_those_of_a_processor(name, words, on_a_gpu):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(5, 6, 8, dtype=torch.complex128, generator=generator, requires_grad=True)
    weights = torch.randn(getattr(torch.fft, name)(x, **words).shape, dtype=torch.float64, generator=generator)

    def values_and_gradient(transform):
        values = transform(x, **words)
        return values.detach(), torch.autograd.grad((values * weights).sum(), x)[0]

    honest = values_and_gradient(getattr(torch.fft, name))
    mended = values_and_gradient(getattr(HermitianInverse(on_a_gpu), name))
    for a, b in zip(honest, mended, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_without_the_mending_the_sawtooth_is_there(on_a_gpu):
    x = torch.zeros(9, dtype=torch.complex128)
    x[0] = 1 + 100j
    raw = on_a_gpu.fft.irfft(x, norm="forward")
    assert raw.tolist() == [-99.0, 101.0] * 8  # as pytorch/pytorch#154496 reports it
    mend(on_a_gpu)
    once = on_a_gpu.fft.irfft
    assert on_a_gpu.fft.irfft(x, norm="forward").tolist() == [1.0] * 16
    assert on_a_gpu.fft.irfftn(x, norm="forward").tolist() == [1.0] * 16
    mend(on_a_gpu)
    assert on_a_gpu.fft.irfft == once
    assert all(hasattr(on_a_gpu.fft, name) for name in PARTS)


@pytest.mark.parametrize("shape", [(64,), (16, 16)], ids=str)
def test_a_fourier_operator_gives_there_what_it_gives_on_a_processor(shape, monkeypatch):
    def cufft_of_all(x, s, dim, norm):
        return cufft(torch.fft.ifftn(x, s=s[:-1], dim=dim[:-1], norm=norm) if dim[1:] else x, s[-1], dim[-1], norm)

    torch.manual_seed(0)
    network = fourier_network(1, 1, shape, width=4, modes=4, layers=2, domain_padding=0.0)
    x = torch.randn(3, 1, *shape)
    honest = network(x)
    monkeypatch.setattr(torch.fft, "irfft2", None)
    monkeypatch.setattr(torch.fft, "irfft", cufft)
    monkeypatch.setattr(torch.fft, "irfftn", cufft_of_all)
    assert (network(x) - honest).abs().max() > 0.01 * honest.abs().max()
    mend(torch)
    torch.testing.assert_close(network(x), honest, rtol=1e-4, atol=1e-5)
