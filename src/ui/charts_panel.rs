//! The right panel: the loss, which noise levels are learnt, how good the digits are, the facts of the run, and what there was to tell.

use egui::{Align, Label, Layout, RichText, Ui, vec2};

use super::digits_panel;
use super::heat_map;
use super::loss_plot;
use super::notice;
use super::numbers;
use super::palette::Palette;
use super::scroll;
use super::section::{caption, plain_title, separation};
use super::tabs::tone;
use super::textures::Textures;
use super::theme::regular;
use crate::app::{Action, AppState, Health, RunFacts};

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let height = (ui.available_height() * 0.24).clamp(130.0, 220.0);
    scroll::column(ui, "charts", 12.0, |ui| {
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.y = 4.0;
        loss_plot::show(ui, state, height, actions);
        if let Some(health) = &state.health {
            ui.add_space(4.0);
            health_line(ui, health);
        }
        separation(ui);
        heat_map::show(ui, state, textures, actions);
        separation(ui);
        digits_panel::show(ui, state);
        separation(ui);
        plain_title(ui, "Run");
        match &state.run {
            Some(run) => facts(ui, run, &state.runs.name(&run.folder)),
            None => caption(
                ui,
                "No run yet: press Train. Each run gets its own folder, with settings, losses and checkpoints.",
            ),
        }
        separation(ui);
        plain_title(ui, "Messages");
        if state.notices.iter().next().is_none() {
            caption(
                ui,
                "Nothing to tell so far, and nothing to do: what is done, and what goes wrong, is listed here.",
            );
        }
        for notice in state.notices.iter() {
            notice::in_list(ui, notice, actions);
        }
        ui.add_space(12.0);
    });
}

fn health_line(ui: &mut Ui, health: &Health) {
    let p = Palette::of(ui);
    let color = tone(&p, health.tone);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 16.0), egui::Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, color);
        let words = |text: String, width: f32| ui.painter().layout(text, regular(12.5), p.text, width).size();
        // Room for its longest sentences from the start, so that nothing below moves as they change.
        let width = ui.available_width();
        let line = words(String::from("0"), f32::INFINITY).y;
        let least = match width {
            560.0.. => line,
            290.0.. => 2.0 * line,
            _ => 3.0 * line,
        };
        let height = words(health.sentence.clone(), width).y.max(least);
        ui.allocate_ui_with_layout(vec2(width, height), Layout::top_down(Align::Min), |ui| {
            ui.set_min_height(height);
            ui.add(Label::new(RichText::new(&health.sentence).size(12.5).color(p.text)).wrap());
        });
    });
}

fn facts(ui: &mut Ui, run: &RunFacts, name: &str) {
    let checkpoint =
        run.checkpoint.map_or_else(|| "none yet".into(), |step| format!("step {}", numbers::whole(step as f64)));
    fact(ui, "Name", name);
    if let Some(device) = &run.device {
        fact(ui, "Device", device);
    }
    fact(ui, "Weights", &numbers::whole(run.parameters as f64));
    fact(ui, "Images", &numbers::whole(run.images as f64));
    fact(ui, "Last checkpoint", &checkpoint);
    fact(ui, "Folder", &run.folder.display().to_string());
}

fn fact(ui: &mut Ui, name: &str, value: &str) {
    let p = Palette::of(ui);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.allocate_ui_with_layout(vec2(104.0, 20.0), Layout::left_to_right(Align::Min), |ui| {
            ui.set_min_width(104.0);
            ui.label(RichText::new(name).size(12.0).color(p.muted));
        });
        ui.add(Label::new(RichText::new(value).size(12.0).color(p.text)).wrap());
    });
}
