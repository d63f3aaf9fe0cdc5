//! The loss by timestep over training, as a heat map: which noise levels are learnt by now.

use egui::{Align, Align2, Layout, Mesh, Popup, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::numbers;
use super::palette::{Palette, along};
use super::section::{caption, title};
use super::setting_row::with_reset;
use super::textures::{Part, Textures};
use super::theme::regular;
use crate::app::{Action, AppState, HeatColors, HeatMap};

const HEIGHT: f32 = 96.0;
/// Room of the axis at the left, as the loss plot above has it.
const AXIS: f32 = 34.0;

/// Draws the section.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let heat = state.heat.as_ref();
    title(ui, "Loss by timestep", |ui| {
        if let Some(heat) = heat {
            scale(ui, heat, state.heat_colors, actions);
        }
    });
    let Some(heat) = heat else {
        let next = match &state.run {
            Some(run) if run.ended.is_some() => " This run left none: Resume or Train draws one.",
            None if !state.run_is_active() => " Press Train.",
            _ => "",
        };
        return caption(ui, format!("Which noise levels are learnt by now: drawn here while a run trains.{next}"));
    };
    let p = Palette::of(ui);
    let timesteps = state.run.as_ref().map_or(&state.settings, |run| &run.settings).diffusion.timesteps;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT + 18.0), Sense::hover());
    let map = Rect::from_min_max(rect.min + vec2(AXIS, 0.0), pos2(rect.right(), rect.top() + HEIGHT));
    let texture = textures.get(ui.ctx(), ("heat", 0), &heat.picture, Part::Heat(state.heat_colors));
    egui::Image::new((texture, map.size())).corner_radius(4).paint_at(ui, map);
    let painter = ui.painter();
    let label = |at, align, text: String| painter.text(at, align, text, regular(11.0), p.muted);
    let left = map.left() - 6.0;
    label(pos2(left, map.top()), Align2::RIGHT_TOP, numbers::whole(timesteps as f64));
    label(pos2(left, map.bottom()), Align2::RIGHT_BOTTOM, "t = 1".into());
    let newest = heat.steps().1;
    label(pos2(map.left(), map.bottom() + 3.0), Align2::LEFT_TOP, "training →".into());
    label(map.right_bottom() + vec2(0.0, 3.0), Align2::RIGHT_TOP, format!("step {}", numbers::whole(newest as f64)));

    let loss = |loss: Option<f32>| loss.map_or_else(|| "no image".into(), |loss| figure(f64::from(loss)));
    let now = |up: f32| loss(heat.cell(1.0, up, timesteps).loss);
    let name = format!("Loss by timestep: {} near t = 1, {} near t = T, after step {newest}", now(0.0), now(1.0));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let about = "Each column is a moment of training, each row a range of timesteps: bright is not learnt yet.";
    match response.hover_pos().filter(|pointer| map.contains(*pointer)) {
        Some(pointer) => {
            let (right, up) = ((pointer.x - map.left()) / map.width(), (map.bottom() - pointer.y) / map.height());
            let cell = heat.cell(right, up, timesteps);
            let (from, to) = (numbers::whole((cell.steps.0 + 1) as f64), numbers::whole(cell.steps.1 as f64));
            let words = format!("t = {} to {}, steps {from} to {to}\nloss {}", cell.t.0, cell.t.1, loss(cell.loss));
            response.on_hover_text_at_pointer(format!("{words}\n{about}"));
        }
        None => drop(response.on_hover_text(about)),
    }
}

/// The colours from the smallest loss to the largest; pressed, the choice of them.
fn scale(ui: &mut Ui, heat: &HeatMap, colors: HeatColors, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    // In places as wide as any loss, so that nothing moves as it changes.
    let label = |ui: &mut Ui, loss: f32, widest: &str| {
        let widest = ui.painter().layout_no_wrap(widest.into(), regular(11.0), p.muted).size().x;
        let place = vec2(widest, ui.available_height());
        ui.allocate_ui_with_layout(place, Layout::right_to_left(Align::Center), |ui| {
            ui.set_min_width(widest);
            ui.label(egui::RichText::new(short(f64::from(loss))).size(11.0).color(p.muted));
        });
    };
    ui.spacing_mut().item_spacing.x = 6.0;
    label(ui, heat.range.1, "0.00");
    let (response, back) = with_reset(ui, |ui| {
        let size = vec2((ui.available_width() - 46.0).clamp(24.0, 56.0), 20.0);
        let (place, response) = ui.allocate_exact_size(size, Sense::click());
        let name = format!("Colours: {}", colors.name());
        response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &name));
        let bar = place.shrink2(vec2(0.0, if response.hovered() || response.has_focus() { 6.0 } else { 7.0 }));
        ui.painter().add(ramp(bar, colors));
        response
    });
    Popup::menu(&response).show(|ui| {
        for other in HeatColors::ALL {
            if ui.selectable_label(other == colors, other.name()).clicked() {
                actions.push(Action::HeatColors(other));
            }
        }
    });
    if back {
        actions.push(Action::HeatColors(HeatColors::default()));
    }
    response.on_hover_text(
        "The loss, on a logarithmic scale. Press for other colours. Key: Shift+F7\nRight-click, or Delete: viridis.",
    );
    label(ui, heat.range.0, "0.0000");
}

/// All colours of a map beside each other.
fn ramp(rect: Rect, colors: HeatColors) -> Mesh {
    let mut mesh = Mesh::default();
    const PARTS: u32 = 16;
    for i in 0..=PARTS {
        let share = i as f32 / PARTS as f32;
        let color = along(colors, (255.0 * share) as u8);
        let x = egui::lerp(rect.left()..=rect.right(), share);
        mesh.colored_vertex(pos2(x, rect.top()), color);
        mesh.colored_vertex(pos2(x, rect.bottom()), color);
    }
    for i in 0..PARTS {
        mesh.add_triangle(2 * i, 2 * i + 1, 2 * i + 2);
        mesh.add_triangle(2 * i + 1, 2 * i + 2, 2 * i + 3);
    }
    mesh
}

/// A loss in two figures.
fn short(loss: f64) -> String {
    let digits = (1.0 - loss.log10().floor()).clamp(1.0, 6.0) as usize;
    let text = format!("{loss:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A loss in a few figures.
fn figure(loss: f64) -> String {
    if loss >= 0.1 { format!("{loss:.2}") } else { format!("{loss:.4}") }
}
