//! The runs that were ticked in the list: which settings differ, and their newest grids side by side.

use std::sync::Arc;

use egui::{Grid, Label, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::button::Button;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::section::{caption, plain_title, separation};
use super::textures::{Part, Textures};
use super::theme::semibold;
use crate::app::{Action, AppState, Compared};
use crate::pictures::Pictures;

/// Digits beside each other in a grid.
const COLUMNS: usize = 8;

/// Draws the comparison, if there is one.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let comparison = &state.comparison;
    if comparison.runs().is_empty() {
        return;
    }
    plain_title(ui, "Compared");
    caption(ui, "Their losses are in the plot on the right, in the colour of their names.");
    ui.add_space(8.0);
    // Its bar has a line of its own below the grids, where they are wider than the tab.
    ui.spacing_mut().scroll.floating_allocated_width = 10.0;
    ScrollArea::horizontal().id_salt("grids").show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 16.0;
            for run in comparison.runs() {
                one(ui, run, &state.runs.name(&run.path), textures, actions);
            }
        });
    });
    let (runs, rows) = comparison.differences();
    if runs.len() > 1 {
        ui.add_space(8.0);
        settings(ui, state, &runs, &rows);
    }
    separation(ui);
}

/// The name of a run in its colour, and its newest grid.
fn one(ui: &mut Ui, run: &Compared, name: &str, textures: &mut Textures, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).font(semibold(12.0)).color(p.runs[run.color]));
            let leave = format!("Leave out {name}");
            if Button::icon(icons::CLOSE, &leave).quiet().show(ui).clicked() {
                actions.push(Action::Compare(run.path.clone()));
            }
        });
        match run.read.as_ref().map(|read| &read.grid) {
            None => caption(ui, "Reading…"),
            Some(None) => caption(ui, "No grid was drawn: Open it, then Record, to see what it draws."),
            Some(Some((step, pictures))) => {
                picture(ui, run.color, name, pictures, textures);
                caption(ui, format!("step {}", numbers::whole(*step as f64)));
            }
        }
    });
}

fn picture(ui: &mut Ui, slot: usize, name: &str, pictures: &Arc<Pictures>, textures: &mut Textures) {
    let rows = pictures.count().div_ceil(COLUMNS);
    let size = vec2((COLUMNS * (pictures.width + 1) + 1) as f32, (rows * (pictures.height + 1) + 1) as f32);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    textures.paint(ui, rect, ("compared", slot), pictures, Part::Grid { columns: COLUMNS, gap: 1 }, 4);
    let words = format!("Grid of {name}");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
}

fn settings(ui: &mut Ui, state: &AppState, runs: &[&Compared], rows: &[crate::app::Difference]) {
    let p = Palette::of(ui);
    if rows.is_empty() {
        return caption(ui, "Their settings are the same.");
    }
    Grid::new("differences").num_columns(runs.len() + 1).spacing(vec2(16.0, 4.0)).show(ui, |ui| {
        ui.label(RichText::new("setting").size(11.5).color(p.muted));
        for run in runs {
            ui.add(Label::new(RichText::new(state.runs.name(&run.path)).font(semibold(11.5)).color(p.runs[run.color])));
        }
        ui.end_row();
        for row in rows {
            ui.label(RichText::new(&row.name).size(12.0).color(p.muted));
            for value in &row.values {
                ui.label(RichText::new(value).size(12.0).color(p.text));
            }
            ui.end_row();
        }
    });
}
