//! Pictures on the graphics card, uploaded once each time they change.

use std::collections::HashMap;
use std::sync::Arc;

use egui::emath::GuiRounding;
use egui::{Color32, ColorImage, Context, Rect, TextureHandle, TextureId, TextureOptions, Ui};

use super::palette::{heat, signed};
use crate::app::HeatColors;
use crate::pictures::Pictures;

/// Which part of a batch is wanted, and how its bytes become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All pictures in rows of so many, so many pixels apart.
    Grid { columns: usize, gap: usize },
    /// All pictures below each other without a gap.
    Column,
    /// One picture in grey.
    One(usize),
    /// One picture of signed noise.
    Signed(usize),
    /// The first picture as a heat map; nothing is drawn where it is 0.
    Heat(HeatColors),
}

/// A place in the window that shows pictures.
pub type Slot = (&'static str, usize);

struct Shown {
    // Kept alive, so that a new batch cannot stand at the same address.
    source: Arc<Pictures>,
    part: Part,
    texture: TextureHandle,
    used: bool,
}

/// The textures of the pictures that are shown now.
#[derive(Default)]
pub struct Textures {
    shown: HashMap<Slot, Shown>,
}

impl Textures {
    /// The texture of a part of a batch for a place in the window; pixels are drawn as squares.
    pub fn get(&mut self, ctx: &Context, slot: Slot, source: &Arc<Pictures>, part: Part) -> TextureId {
        if let Some(shown) = self.shown.get_mut(&slot) {
            shown.used = true;
            if Arc::ptr_eq(&shown.source, source) && shown.part == part {
                return shown.texture.id();
            }
            shown.texture.set(image(source, part), TextureOptions::NEAREST);
            shown.source = Arc::clone(source);
            shown.part = part;
            return shown.texture.id();
        }
        let texture = ctx.load_texture(slot.0, image(source, part), TextureOptions::NEAREST);
        let id = texture.id();
        self.shown.insert(slot, Shown { source: Arc::clone(source), part, texture, used: true });
        id
    }

    /// Draws the part into a rectangle, moved so that its corner is a whole screen pixel: between two of them, squares
    /// would be of two sizes.
    pub fn paint(&mut self, ui: &Ui, rect: Rect, slot: Slot, source: &Arc<Pictures>, part: Part, radius: u8) {
        let rect = rect.round_to_pixels(ui.pixels_per_point());
        let texture = self.get(ui.ctx(), slot, source, part);
        egui::Image::new((texture, rect.size())).corner_radius(radius).paint_at(ui, rect);
    }

    /// Frees what was not drawn since the last call.
    pub fn sweep(&mut self) {
        self.shown.retain(|_, shown| std::mem::take(&mut shown.used));
    }
}

fn image(source: &Pictures, part: Part) -> ColorImage {
    let gray = |pictures: &Pictures| ColorImage::from_gray([pictures.width, pictures.height], &pictures.pixels);
    match part {
        Part::Grid { columns, gap } => gray(&source.grid(columns, gap, 0)),
        Part::Column => gray(&source.grid(1, 0, 0)),
        Part::One(i) => ColorImage::from_gray([source.width, source.height], source.get(i)),
        Part::Heat(colors) => {
            let pixels: Vec<Color32> = source.pixels.iter().map(|&value| heat(colors, value)).collect();
            ColorImage::new([source.width, source.height], pixels)
        }
        Part::Signed(i) => {
            let pixels: Vec<Color32> = source.get(i).iter().map(|&value| signed(value)).collect();
            ColorImage::new([source.width, source.height], pixels)
        }
    }
}
