"""The network's sizes against published and counted ones; its file; embedding by batches."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from moco.encoder import Encoder, create_encoder, embed, load_encoder, save_encoder
from moco.files import write_tensors
from moco.settings import EncoderSettings


@pytest.mark.parametrize(
    ("network", "published", "classifier"),
    [("resnet18", 11_689_512, 512 * 1000 + 1000), ("resnet50", 25_557_032, 2048 * 1000 + 1000)],
)
def test_a_network_has_as_many_weights_as_the_published_one(network: str, published: int, classifier: int) -> None:
    settings = EncoderSettings.model_validate({"network": network, "width": 64, "stem_stride": 4})
    with torch.device("meta"):
        encoder = Encoder(settings)
    trunk = sum(p.numel() for name, p in encoder.named_parameters() if not name.startswith("head"))
    assert trunk == published - classifier  # of ImageNet's, without its classifier


@pytest.mark.parametrize(("network", "channels"), [("resnet10", 32), ("resnet50", 128)])
@pytest.mark.parametrize(("stem_stride", "side"), [(1, 4), (2, 2), (4, 1)])
def test_the_stem_decides_how_much_of_the_picture_the_last_stage_sees(
    network: str, channels: int, stem_stride: int, side: int
) -> None:
    settings = EncoderSettings.model_validate(
        {"network": network, "width": 4, "resolution": 32, "stem_stride": stem_stride}
    )
    encoder = create_encoder(settings, seed=0).eval()
    x = encoder.pool(encoder.norm(encoder.stem(torch.rand(2, 3, 32, 32))))
    assert encoder.blocks(x).shape == (2, channels, side, side)


def test_weights_depend_on_the_seed_and_on_nothing_else(settings: EncoderSettings) -> None:
    torch.manual_seed(1)
    one = create_encoder(settings, seed=0).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = (create_encoder(settings, seed=seed).state_dict() for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["stem.weight"], other["stem.weight"])


def test_the_initial_weights_have_hes_variance() -> None:
    encoder = create_encoder(EncoderSettings(width=64), seed=0)
    conv = encoder.blocks[3].conv2.weight
    assert conv.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)


def test_the_file_gives_back_the_same_encoder_and_equal_encoders_give_equal_bytes(
    settings: EncoderSettings, tmp_path: Path
) -> None:
    encoder = create_encoder(settings, seed=0)
    encoder(torch.rand(16, 3, 16, 16))  # moves the running statistics
    for name in ("one", "two"):
        save_encoder(encoder, tmp_path / name)
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one", "two")}
    assert len(digests) == 1
    loaded = load_encoder(tmp_path / "one")
    assert loaded.settings == settings
    assert not loaded.training
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 16), dtype=np.uint8)
    assert np.array_equal(embed(loaded, images), embed(encoder, images))


def test_a_file_that_is_no_encoder_is_refused_in_one_sentence(settings: EncoderSettings, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    encoder = create_encoder(settings, seed=0)
    del encoder.head
    save_encoder(encoder, tmp_path / "headless")
    for name in ("text", "other", "headless"):
        with pytest.raises(ValueError, match="is not an encoder: choose a file"):
            load_encoder(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_encoder(tmp_path / "missing")


def test_embeddings_are_unit_vectors_whatever_the_batch(settings: EncoderSettings) -> None:
    encoder = create_encoder(settings, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 16, 16), dtype=np.uint8)
    vectors = embed(encoder, images)
    assert encoder.training  # left as it was
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(10), abs=1e-6)
    assert np.allclose(vectors, embed(encoder, images, batch=3), atol=1e-6)
    with torch.inference_mode():
        by_hand = encoder.eval()(torch.from_numpy(images) / 255).numpy()
    assert np.allclose(vectors, by_hand / np.linalg.norm(by_hand, axis=1, keepdims=True), atol=1e-6)


def test_images_of_another_size_are_refused_with_the_remedy(settings: EncoderSettings) -> None:
    encoder = create_encoder(settings, seed=0)
    with pytest.raises(ValueError, match="resize them to 16 pixels"):
        embed(encoder, np.zeros((2, 3, 32, 32), np.uint8))
    assert embed(encoder, np.zeros((0, 3, 16, 16), np.uint8)).shape == (0, 8)


def test_an_encoder_that_blurs_first_sees_what_scipy_blurs_and_its_file_says_so(
    settings: EncoderSettings, tmp_path: Path
) -> None:
    plain = create_encoder(settings, seed=0).eval()
    soft = create_encoder(EncoderSettings.model_validate(settings.model_dump() | {"blur_first": 1.5}), seed=0).eval()
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), dtype=np.uint8)
    blurred = gaussian_filter(images / 255.0, (0, 0, 1.5, 1.5), mode="nearest", truncate=5 / 1.5)
    with torch.inference_mode():
        expected = F.normalize(plain(torch.from_numpy(blurred).float()), dim=1).numpy()
    save_encoder(soft, tmp_path / "soft")
    assert np.abs(embed(load_encoder(tmp_path / "soft"), images) - expected).max() < 1e-5
    assert np.abs(embed(plain, images) - expected).max() > 1e-2
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(soft.prepared(torch.full((2, 3, 16, 16), 0.7)), torch.tensor(0.4), atol=1e-5)


def test_files_from_before_a_setting_load_as_they_were_meant(settings: EncoderSettings, tmp_path: Path) -> None:
    encoder = create_encoder(settings, seed=0).eval()
    newer = {"pixels", "blur_first", "weights", "patience", "augmentation"}
    old = settings.model_dump(mode="json", exclude=newer)
    old["augmentation"] = settings.augmentation.model_dump(mode="json", exclude={"preset", "jitter"})
    write_tensors(tmp_path / "old", encoder.state_dict(), {"settings": old})
    loaded = load_encoder(tmp_path / "old")
    assert loaded.settings == settings
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.prepared(images), images * 2 - 1)  # to the bit: as it was computed then
    assert torch.equal(loaded(images), encoder(images))
