//! On screens of every scale a pixel of a digit is a square of whole screen pixels in one colour, grey or that of signed noise:
//! nothing is blurred.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::Action;
use diffuscope::pictures::Pictures;
use diffuscope::ui::palette::signed;
use diffuscope::window::Window;
use egui::emath::GuiRounding;
use egui::{Color32, Rect};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle};

/// Screen pixels of the window, and its pixels a point.
const SCREENS: [(f32, f32, f32); 6] = [
    (960.0, 600.0, 1.0),
    (1440.0, 900.0, 1.0),
    (1600.0, 1000.0, 1.25),
    (1920.0, 1200.0, 1.5),
    (2560.0, 1440.0, 2.0),
    (3840.0, 2160.0, 3.0),
];
/// A renderer may round a grey level.
const HAIR: i16 = 1;

/// What the screen shows between a pixel of the source and the next, in screen pixels from the corner of the picture.
struct Seen<'a> {
    screen: &'a image::RgbaImage,
    corner: egui::Pos2,
    scale: u32,
}

impl Seen<'_> {
    /// The first pixel of picture `i` whose square has another colour somewhere.
    fn fault(&self, pictures: &Pictures, i: usize, edge: usize, color: fn(u8) -> Color32) -> Option<String> {
        let (left, top) = (self.corner.x.round() as u32, self.corner.y.round() as u32);
        for y in edge..pictures.height - edge {
            for x in edge..pictures.width - edge {
                let color = color(pictures.get(i)[y * pictures.width + x]).to_array();
                for (dx, dy) in (0..self.scale).flat_map(|dy| (0..self.scale).map(move |dx| (dx, dy))) {
                    let at = (left + x as u32 * self.scale + dx, top + y as u32 * self.scale + dy);
                    let seen = self.screen.get_pixel(at.0, at.1).0;
                    let off = |(seen, color): (&u8, &u8)| (i16::from(*seen) - i16::from(*color)).abs() > HAIR;
                    if seen[..3].iter().zip(&color).any(off) {
                        return Some(format!("column {x}, row {y} is {color:?}, but {seen:?} at {at:?}"));
                    }
                }
            }
        }
        None
    }
}

/// The corner of a picture and its scale where it and so many of its pixels around it fill a rectangle.
fn placed(rect: Rect, pixels_per_point: f32, pixels: usize, around: usize) -> (egui::Pos2, f32) {
    // As pictures are painted: from a whole pixel on.
    let rect = rect.round_to_pixels(pixels_per_point);
    let scale = rect.width() * pixels_per_point / (pixels + 2 * around) as f32;
    (rect.min * pixels_per_point + egui::Vec2::splat(around as f32 * scale), scale)
}

#[test]
fn digits_are_squares_of_whole_screen_pixels() {
    let mut faults = Vec::new();
    for (width, height, scale) in SCREENS {
        let builder = Harness::<Window>::builder().with_size([width / scale, height / scale]);
        let mut scene = Scene::new(builder.with_pixels_per_point(scale).wgpu());
        in_the_middle(&mut scene);
        scene.click("Picture 28, asked for a 7");
        scene.harness.hover_at(egui::pos2(1.0, 1.0));
        scene.harness.run_steps(4);
        let mut look = |scene: &mut Scene, name: &str, pictures: &Pictures, i: usize, arounds: &[usize]| {
            let screen = scene.harness.render().unwrap();
            let rect = scene.harness.get_by_label(name).rect();
            let whole = |around: &usize| {
                let (corner, scale) = placed(rect, scale, pictures.width, *around);
                ((scale - scale.round()).abs() < 0.01).then_some((corner, scale.round() as u32))
            };
            let place = format!("{width}×{height} at {scale}, {name}");
            // Corners are round, and a frame may stand over the edge.
            match arounds.iter().find_map(whole) {
                None => faults.push(format!("{place}: no whole multiple: {:?}", rect.size() * scale)),
                Some((corner, scale)) => {
                    let seen = Seen { screen: &screen, corner, scale };
                    let color = if name.ends_with("noise it finds") { signed } else { Color32::from_gray };
                    faults.extend(seen.fault(pictures, i, 3, color).map(|fault| format!("{place}, ×{scale}: {fault}")));
                }
            }
        };
        let preview = scene.state().preview.as_ref().unwrap().pictures.clone();
        for (name, i) in
            [("Picture 1, asked for a 0", 0), ("Picture 28, asked for a 7", 27), ("Picture 64, asked for a 3", 63)]
        {
            look(&mut scene, name, &preview, i, &[0, 1]);
        }
        let shown = scene.state().film().unwrap().shown().unwrap();
        let (x_t, eps_hat, x0_hat) = (shown.x_t.clone(), shown.eps_hat.clone(), shown.x0_hat.clone());
        let followed = scene.state().followed_in_film();
        look(&mut scene, "what it sees", &x_t, followed, &[0]);
        look(&mut scene, "noise it finds", &eps_hat, followed, &[0]);
        look(&mut scene, "its guess", &x0_hat, followed, &[0]);
        scene.act(Action::Loupe(true));
        look(&mut scene, "Loupe: what it sees", &x_t, followed, &[0]);
        look(&mut scene, "Loupe: noise it finds", &eps_hat, followed, &[0]);
        look(&mut scene, "Loupe: its guess", &x0_hat, followed, &[0]);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
