//! The README of an exported pipeline: what it is, and the few lines of Python that draw digits with it.

use crate::config::{Prediction, ScheduleKind, WeightsKind};
use crate::trained::TrainedModel;

/// What begins it, whichever model it is of.
pub const MARK: &str = "# Handwritten digits by diffusion\n\nTrained with [Diffuscope]";

/// The text, for a network that works on patches of `patch_size`.
pub fn text(model: &TrainedModel, kind: WeightsKind, patch_size: usize) -> String {
    let settings = &model.settings;
    let (size, classes) = (settings.data.image_size, settings.network.classes);
    let weights = match kind {
        WeightsKind::Ema => "the moving average of the weights",
        WeightsKind::Raw => "the weights as the last step left them",
    };
    let schedule = match settings.diffusion.schedule {
        ScheduleKind::Linear => format!("β from {} to {}", settings.diffusion.beta_start, settings.diffusion.beta_end),
        ScheduleKind::Cosine => "the cosine schedule".into(),
    };
    let prediction = match settings.diffusion.prediction {
        Prediction::Eps => "ε",
        Prediction::V => "v",
    };
    let patches = if patch_size == 2 {
        "\nIt works on 2×2 patches: four channels of half the size, which `pixel_shuffle` turns into images.\n"
    } else {
        ""
    };
    let labels = if classes { ", class_labels=labels" } else { "" };
    let (folder, channels, side) =
        (if classes && patch_size == 1 { "unet_classes" } else { "unet" }, patch_size * patch_size, size / patch_size);
    let learned = settings.data.digits;
    let count = if classes { learned.iter().count() } else { 10 };
    let to_images = if patch_size == 2 {
        format!("images = torch.nn.functional.pixel_shuffle(x, 2)  # [{count}, 1, {size}, {size}] in [-1, 1]")
    } else {
        format!("images = x  # [{count}, 1, {size}, {size}] in [-1, 1]")
    };
    let digits: Vec<String> = learned.iter().map(|digit| digit.to_string()).collect();
    let told = match classes {
        true => format!("labels = torch.tensor([{}])  # digits; 10 stands for \"no class\"\n", digits.join(", ")),
        false => String::new(),
    };
    let pipeline = if patch_size == 1 {
        "\nWithout asking for a digit, the pipeline alone:\n\n```python\nfrom diffusers import DDPMPipeline\n\n\
         DDPMPipeline.from_pretrained(\".\")().images[0].save(\"digit.png\")\n```\n"
    } else {
        ""
    };
    format!(
        "{MARK}(https://crates.io/crates/diffuscope): {parameters} weights, {step} steps, {weights}.\n\
         T = {timesteps}, {schedule}, predicts {prediction}.\n{patches}\n\
         Draw digits, from this folder, with `pip install torch diffusers pillow`:\n\n\
         ```python\n\
         import torch\n\
         from diffusers import DDIMScheduler, UNet2DModel\n\
         from PIL import Image\n\n\
         unet = UNet2DModel.from_pretrained(\".\", subfolder=\"{folder}\").eval()\n\
         scheduler = DDIMScheduler.from_pretrained(\".\", subfolder=\"scheduler\")\n\
         scheduler.set_timesteps(50)\n\
         {told}\
         x = torch.randn({count}, {channels}, {side}, {side})\n\
         with torch.no_grad():\n    \
             for t in scheduler.timesteps:\n        \
                 x = scheduler.step(unet(x, t{labels}).sample, t, x).prev_sample\n\
         {to_images}\n\
         row = torch.cat([image[0] for image in images], dim=1).clamp(-1, 1)\n\
         Image.fromarray(((row + 1) * 127.5).byte().numpy()).save(\"digits.png\")\n\
         ```\n\
         {pipeline}\n\
         `diffuscope sample --checkpoint . --out digits.png` draws with it too.\n",
        parameters = model.parameters,
        step = model.step,
        timesteps = settings.diffusion.timesteps,
    )
}
