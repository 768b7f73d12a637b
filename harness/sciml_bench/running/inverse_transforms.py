"""Torch's inverse real transforms on a GPU, made to do what torch promises of them and does on a processor.

A real signal's spectrum is real at wavenumber zero and, of an even length, at the highest one; `torch.fft.irfft` says that it
ignores an imaginary part there. On a GPU cuFFT does not for some lengths: an imaginary part b at wavenumber zero comes back as a
sawtooth ±b from point to point (pytorch/pytorch#154496). A Fourier neural operator multiplies wavenumber zero by a complex weight
and so has such a part; of one trained on 1024 points on an H200, more than half of the error was that sawtooth. neuraloperator
drops the part itself from the release after 2.0.0 on (neuraloperator/neuraloperator#702).
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

PARTS = ("irfft", "irfftn", "irfft2")


class HermitianInverse:
    """`irfft`, `irfftn` and `irfft2` by the same names and with the same arguments, but for `out`.

    x ↦ irfft(Re x + i·m·Im x) along the last of the axes, m being 0 at the wavenumbers that are their own negatives and 1
    elsewhere, after a complex inverse transform along the others: so the values are torch's own on a processor.
    """

    def __init__(self, torch: ModuleType) -> None:
        self._torch, self._irfft = torch, torch.fft.irfft

    def irfft(self, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        """Return the real signal of a half spectrum."""
        if input.is_complex():
            bins = input.shape[dim]
            length = 2 * (bins - 1) if n is None else n
            mask = self._torch.ones(bins, dtype=input.real.dtype, device=input.device)
            mask[0] = 0
            if length % 2 == 0 and length // 2 < bins:
                mask[length // 2] = 0
            shape = [1] * input.ndim
            shape[dim] = bins
            input = self._torch.complex(input.real, input.imag * mask.reshape(shape))
        return self._irfft(input, n=n, dim=dim, norm=norm)

    def irfftn(
        self,
        input: Any,
        s: Sequence[int] | None = None,
        dim: Sequence[int] | None = None,
        norm: str | None = None,
    ) -> Any:
        """Return the real field of a half spectrum."""
        axes = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
        if dim is None and s is not None:
            axes = axes[len(axes) - len(s) :]
        if len(axes) > 1:
            input = self._torch.fft.ifftn(input, s=None if s is None else s[:-1], dim=axes[:-1], norm=norm)
        last = None if s is None or s[-1] == -1 else s[-1]
        return self.irfft(input, n=last, dim=axes[-1], norm=norm)

    def irfft2(
        self,
        input: Any,
        s: Sequence[int] | None = None,
        dim: Sequence[int] = (-2, -1),
        norm: str | None = None,
    ) -> Any:
        """Return the real field of a half spectrum over two axes."""
        return self.irfftn(input, s=s, dim=dim, norm=norm)


def mend(torch: ModuleType) -> None:
    """Put them in the place of torch's own, in this process; once is enough."""
    if not isinstance(getattr(torch.fft.irfft, "__self__", None), HermitianInverse):
        mended = HermitianInverse(torch)
        for name in PARTS:
            setattr(torch.fft, name, getattr(mended, name))
