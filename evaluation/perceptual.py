"""Maps of features by which pictures are compared as eyes do: what, and roughly where, rather than pixel by pixel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from evaluation.efficientnet import EfficientNet, load_efficientnet

TAPS = (1, 3, 5, 8)  # blocks after whose output maps are taken: 1/2, 1/4, 1/8 and 1/16 of the picture's side
LEAST_SIDE = 64  # px: smaller pictures are enlarged, or the last maps would be of two pixels


class PerceptualMaps(nn.Module):
    """Maps of EfficientNet-Lite0's first blocks, of length 1 along the channels (as LPIPS does; Zhang et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        network: EfficientNet = load_efficientnet()
        self.stem = network.stem
        self.blocks = nn.ModuleList(list(network.blocks)[: TAPS[-1]])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Describe pictures.

        Args:
            images: `[N, 1, 3 or 4, H, W]`, -1 to 1; transparent ones are laid on white.

        Returns:
            Maps `[N, C', H', W']`, one for each of TAPS, whose squared differences are to be averaged over places.
        """
        x = images
        if x.shape[1] == 4:
            cover = (x[:, 3:] + 1) / 2
            x = x[:, :3] * cover + 1 - cover
        x = x.expand(-1, 3, -1, -1)
        if min(x.shape[2:]) < LEAST_SIDE:
            factor = -(-LEAST_SIDE // min(x.shape[2:]))
            x = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
        x = self.stem(x)
        maps = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in TAPS:
                maps.append(F.normalize(x, dim=1))
        return maps
