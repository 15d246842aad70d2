"""Augmentations that the discriminator sees through, and the control of their strength (Karras et al. 2020a)."""
