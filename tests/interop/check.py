"""Weights both ways: theirs opened here, ours opened there, the same outputs. Run by tests/interop/run.

Usage: check.py PROGRAM. Prints one line a check and ends with an error if any difference is over TOLERANCE.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import deepinv
import diffusers
import safetensors
import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file

# Largest difference, relative to the root mean square of the expected output.
TOLERANCE = 1e-4
PROGRAM = str(Path(sys.argv[1]).resolve())
failures = []


def run(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"diffuscope {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def predict(checkpoint, x, t, labels=None, kind="timestep"):
    """What `diffuscope predict` answers."""
    tensors = {"input": x.contiguous(), "t": t.float()}
    if labels is not None:
        tensors["class_labels"] = labels.float()
    save_file(tensors, "input.safetensors")
    run("predict", "--force", "--checkpoint", checkpoint, "--input", "input.safetensors", "--out", "output.safetensors", "--kind", kind)
    return load_file("output.safetensors")["output"]


def compare(name, ours, theirs, tolerance=TOLERANCE):
    difference = ((ours - theirs).abs().max() / theirs.square().mean().sqrt()).item()
    report(f"{name}: largest difference {difference:.1e}", difference <= tolerance)


def report(line, good):
    print(("ok    " if good else "WRONG ") + line, flush=True)
    if not good:
        failures.append(line)


def shake(module):
    """Random weights everywhere, the zero-initialised ones too, so that every part shows in the output."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            scale = 0.1 if parameter.dim() == 1 else parameter[0].numel() ** -0.5
            offset = 1.0 if parameter.dim() == 1 and "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_(offset + scale * torch.randn_like(parameter))
    return module.eval()


def shaken(path):
    """The exported file with random weights in place of the hardly trained ones, its metadata kept."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = {}
    for name, weight in load_file(path).items():
        noise = torch.randn_like(weight)
        tensors[name] = weight + (0.1 * noise if weight.dim() == 1 else noise * weight[0].numel() ** -0.5)
    metadata.pop("crc32", None)
    save_file(tensors, path, metadata=metadata)
    return path


def theirs_diffunet():
    network = shake(deepinv.models.DiffUNet(in_channels=1, out_channels=1, pretrained=None))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    torch.save(network.state_dict(), "zip.pth")
    torch.save(network.state_dict(), "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "model": state, "ema": {k: 1 * v for k, v in state.items()}}, "nested.pt")
    save_file(state, "plain.safetensors")
    x, t = torch.randn(2, 1, 28, 28), torch.tensor([7, 640])
    with torch.no_grad():
        theirs = network(x, t, type_t="timestep")
        denoised = network(x, torch.tensor([0.1, 0.4]), type_t="noise_level")
    for name in ["zip.pth", "old.pth", "nested.pt", "plain.safetensors"]:
        compare(f"DiffUNet, theirs, {name}", predict(name, x, t), theirs)
    ours = predict("zip.pth", x, torch.tensor([0.1, 0.4]), kind="noise_level")
    compare("DiffUNet, theirs, noise level", ours, denoised)
    torch.save({k: v.half() if v.dim() else v for k, v in state.items()}, "half.pth")
    rounded = {k: v.half().float() for k, v in state.items()}
    network.load_state_dict(rounded)
    with torch.no_grad():
        compare("DiffUNet, theirs, f16", predict("half.pth", x, t), network(x, t, type_t="timestep"))

    run("export", "--checkpoint", "zip.pth", "--format", "pth", "--out", "ours.pth")
    loaded = torch.load("ours.pth", weights_only=True)
    fresh = deepinv.models.DiffUNet(in_channels=1, out_channels=1, pretrained=None).eval()
    missing = fresh.load_state_dict(loaded, strict=True)
    report(f"DiffUNet, ours, ours.pth: {missing}", True)
    weights = [name for name, _ in network.named_parameters()]
    same = all(torch.equal(state[name], loaded[name]) for name in weights)
    report(f"DiffUNet, ours, ours.pth: each of {len(weights)} weights has the same bits", same)
    # The schedule is computed, not copied, and PyTorch's cumprod rounds as the machine's vectors do.
    for name, _ in network.named_buffers():
        difference = (state[name] - loaded[name]).abs().max().item()
        report(f"DiffUNet, ours, ours.pth: {name} differs by {difference:.1e}", difference <= 2e-7)
    with torch.no_grad():
        compare("DiffUNet, ours, ours.pth", fresh(x, t, type_t="timestep"), theirs)


def theirs_pipelines():
    plain = dict(block_out_channels=(32, 64), norm_num_groups=8, layers_per_block=1, attention_head_dim=8)
    level = dict(down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"))
    cases = {
        "plain": (UNet2DModel(32, 1, 1, **plain, **level), None),
        "classes": (UNet2DModel(32, 1, 1, **plain, **level, num_class_embeds=11), torch.tensor([3, 10])),
        "scale_shift": (UNet2DModel(28, 1, 1, **plain, **level, resnet_time_scale_shift="scale_shift"), None),
        "one_head": (UNet2DModel(32, 1, 1, **{**plain, "attention_head_dim": None}, **level), None),
        "groups": (
            UNet2DModel(
                32, 1, 1, **plain, **level, attn_norm_num_groups=4, time_embedding_dim=48, resnet_time_scale_shift="scale_shift"
            ),
            None,
        ),
    }
    for name, (unet, labels) in cases.items():
        shake(unet)
        DDPMPipeline(unet, DDPMScheduler(400, beta_schedule="squaredcos_cap_v2")).save_pretrained(name)
        size = unet.config.sample_size
        x, t = torch.randn(2, 1, size, size), torch.tensor([3, 399])
        with torch.no_grad():
            expected = unet(x, t, class_labels=labels).sample
        compare(f"UNet2DModel, theirs, {name}", predict(name, x, t, labels), expected)
        compare(f"UNet2DModel, theirs, {name}/unet alone", predict(f"{name}/unet", x, t, labels), expected)
        if labels is None:
            DDPMPipeline(unet, DDPMScheduler(400)).save_pretrained("bin", safe_serialization=False)
            compare(f"UNet2DModel, theirs, {name} as .bin", predict("bin", x, t), expected)
    run("sample", "--checkpoint", "plain", "--out", "x.safetensors", "--count", 2, "--sampler", "ddim", "--steps", 4)
    shape = list(load_file("x.safetensors")["images"].shape)
    report(f"UNet2DModel, theirs: sample draws {shape}", shape == [2, 1, 32, 32])


def ours(preset):
    run("train", "--preset", preset, "--steps", 1, "--subset", 64, "--batch-size", 8, "--out", preset)
    run("export", "--checkpoint", preset, "--format", "safetensors", "--out", f"{preset}.safetensors")
    checkpoint = shaken(f"{preset}.safetensors")
    size = 32 if preset == "base" else 28
    x, t, labels = torch.randn(3, 1, size, size), torch.tensor([0, 371, 999]), torch.tensor([4, 10, 9])
    answer = predict(checkpoint, x, t, labels)
    run("export", "--checkpoint", checkpoint, "--format", "pth", "--out", f"{preset}.pth")
    written = torch.load(f"{preset}.pth", weights_only=True)
    same = all(torch.equal(value, written[name]) for name, value in load_file(checkpoint).items())
    report(f"{preset}, ours: torch.load(weights_only=True) reads the same bits", same)
    compare(f"{preset}, ours, .pth opened again", predict(f"{preset}.pth", x, t, labels), answer, 0)

    folder = f"{preset}_pipeline"
    run("export", "--checkpoint", checkpoint, "--format", "diffusers", "--out", folder)
    compare(f"{preset}, ours, pipeline opened again", predict(folder, x, t, labels), answer)
    patches = preset != "base"
    unet = UNet2DModel.from_pretrained(folder, subfolder="unet" if patches else "unet_classes").eval()
    with torch.no_grad():
        if patches:
            theirs = unet(torch.nn.functional.pixel_unshuffle(x, 2), t, class_labels=labels).sample
            theirs = torch.nn.functional.pixel_shuffle(theirs, 2)
        else:
            theirs = unet(x, t, class_labels=labels).sample
        compare(f"{preset}, ours, UNet2DModel.from_pretrained", answer, theirs)
        if not patches:
            pipeline = DDPMPipeline.from_pretrained(folder)
            none = torch.full_like(labels, 10)
            compare(f"{preset}, ours, unet/ without classes", predict(checkpoint, x, t, none), pipeline.unet(x, t).sample)
            image = pipeline(batch_size=1, num_inference_steps=4, output_type="np").images
            report(f"{preset}, ours, DDPMPipeline draws {image.shape}", image.shape == (1, 32, 32, 1))
    betas = DDIMScheduler.from_pretrained(folder, subfolder="scheduler").betas
    report(f"{preset}, ours, scheduler with T = {len(betas)}", len(betas) == 1000)
    draws = re.search(r"```python\n(.*?)```", Path(folder, "README.md").read_text(), re.DOTALL).group(1)
    subprocess.run([sys.executable, "-c", draws.replace("set_timesteps(50)", "set_timesteps(3)")], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    report(f"{preset}, ours, the README's lines draw digits.png", Path(folder, "digits.png").is_file())


def main():
    torch.manual_seed(0)
    diffusers.logging.set_verbosity_error()
    versions = {"torch": torch, "deepinv": deepinv, "diffusers": diffusers, "safetensors": safetensors}
    names = ", ".join(f"{name} {module.__version__}" for name, module in versions.items())
    print(f"Python {platform.python_version()}, {names}; {run('--version').strip()}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for preset in ["nano", "small", "base"]:
            ours(preset)
        theirs_pipelines()
        theirs_diffunet()
    print("all agree" if not failures else f"{len(failures)} do not agree")
    return bool(failures)


sys.exit(main())
