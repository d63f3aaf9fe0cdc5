//! The panels of the window: each draws the state and says what was pressed. Nothing here computes, waits or writes.
//!
//! ```text
//! ┌ top_bar ─────────────────────────────────────────────────────────┐
//! │ settings_panel │ tabs: train · sample · runs · data │ charts_panel │
//! ├ film_strip ──────────────────────────────────────────────────────┤
//! ```

mod advanced;
mod button;
mod charts_panel;
mod closing;
mod command_palette;
mod commands;
mod comparison;
mod copies_section;
mod crash_report;
mod data_tab;
mod digit_row;
mod digits_panel;
mod drawing_more;
mod drawn;
mod drop_down;
mod drop_overlay;
mod film_axis;
mod film_hero;
mod film_rail;
mod film_strip;
mod flow_row;
mod focus;
mod follow;
mod grid_weights;
mod heat_map;
mod icons;
mod keys;
mod loss_axis;
mod loss_curves;
mod loss_hover;
mod loss_plot;
mod loupe;
mod notice;
mod numbers;
mod origin;
pub mod palette;
mod path_field;
mod picture_grid;
mod run_name;
mod runs_tab;
mod sample_tab;
mod save_popup;
mod schedule_panel;
mod scroll;
mod section;
mod segmented;
mod setting_row;
mod settings_panel;
mod slider;
mod sparkline;
mod symbols;
mod tabs;
mod textures;
pub mod theme;
mod tick;
mod tip;
mod top_bar;
mod train_tab;

use egui::{CentralPanel, Frame, IdSalt, Margin, Panel, Ui};

use crate::app::{Action, AppState, Tab};
use command_palette::CommandPalette;
use palette::Palette;
use textures::Textures;

/// Narrower windows show the charts as a tab.
const WIDE: f32 = 1100.0;
/// Narrower windows fold the settings.
const NARROW: f32 = 960.0;

/// What the drawing itself has to keep: pictures on the graphics card.
#[derive(Default)]
pub struct View {
    textures: Textures,
    /// The list of all actions, while it is open.
    command_palette: Option<CommandPalette>,
    /// The widget of the film, which has the keys when it is focused.
    film: Option<egui::Id>,
    toast: notice::Toast,
}

impl View {
    /// Draws the window; gives what was pressed, typed or dragged.
    pub fn show(&mut self, ui: &mut Ui, state: &AppState) -> Vec<Action> {
        let p = Palette::of(ui);
        let mut actions = Vec::new();
        // Before others look at what was dropped.
        let dropped = origin::dropped(ui, state);
        if keys::asks_for_palette(ui) {
            actions.push(Action::Palette(!state.palette));
        } else if !state.palette {
            actions = keys::pressed(ui, state, self.film);
        }
        actions.extend(dropped);
        let textures = &mut self.textures;
        let width = ui.available_width();
        let narrow = width < NARROW;
        if narrow != state.is_narrow() {
            actions.push(Action::Narrow(narrow));
        }
        let charts_have_room = width >= WIDE;
        let flat = Frame::new().fill(p.panel);

        Panel::top("top bar").exact_size(top_bar::HEIGHT).resizable(false).frame(flat).show(ui, |ui| {
            top_bar::show(ui, state, &mut actions);
        });
        let strip = Panel::bottom("film").exact_size(film_strip::HEIGHT).resizable(false).frame(flat).show(ui, |ui| {
            self.film = film_strip::show(ui, state, textures, &mut actions);
        });
        let side = flat.inner_margin(Margin::symmetric(16, 0));
        // Both sides leave so much that at 1280 points 64 digits fit twofold beside the settings of a drawing.
        if state.settings_shown() {
            Panel::left("settings")
                .default_size((0.19 * width).clamp(250.0, 272.0))
                .size_range(250.0..=420.0)
                .frame(side)
                .show(ui, |ui| {
                    settings_panel::show(ui, state, textures, &mut actions);
                });
            name_edge(ui, "settings", "Width of the settings");
        }
        if charts_have_room && state.right_open {
            Panel::right("charts")
                .default_size((0.5 * width - 376.0).clamp(264.0, 344.0))
                .size_range(260.0..=640.0)
                .frame(side)
                .show(ui, |ui| {
                    charts_panel::show(ui, state, textures, &mut actions);
                });
            name_edge(ui, "charts", "Width of the charts");
        }
        CentralPanel::no_frame().frame(flat).show(ui, |ui| {
            tabs::show(ui, state, charts_have_room, &mut actions);
            let below = notice::failure(ui, state, ui.available_rect_before_wrap(), &mut actions);
            crash_report::offer(ui, state, below, &mut actions);
            match state.tab {
                _ if state.crash.as_ref().is_some_and(|crash| crash.open) => {
                    crash_report::show(ui, state, &mut actions);
                }
                Tab::Train | Tab::Sample if state.loupe => loupe::show(ui, state, textures, &mut actions),
                Tab::Train => train_tab::show(ui, state, textures, &mut actions),
                Tab::Charts if !charts_have_room => {
                    Frame::new().inner_margin(Margin::symmetric(20, 4)).show(ui, |ui| {
                        charts_panel::show(ui, state, textures, &mut actions);
                    });
                }
                Tab::Charts => train_tab::show(ui, state, textures, &mut actions),
                Tab::Sample => sample_tab::show(ui, state, textures, &mut actions),
                Tab::Data => data_tab::show(ui, state, textures, &mut actions),
                Tab::Runs => runs_tab::show(ui, state, textures, &mut actions),
            }
        });
        self.toast.show(ui, state, strip.response.rect, &mut actions);
        textures.sweep();
        drop_overlay::show(ui, state);
        closing::show(ui, state, &mut actions);
        if state.palette {
            let open = self.command_palette.get_or_insert_with(CommandPalette::open);
            if !open.show(ui, state, &mut actions) {
                actions.push(Action::Palette(false));
            }
        } else {
            self.command_palette = None;
        }
        focus::ring(ui);
        actions
    }
}

/// Says which panel the edge that one drags belongs to: egui calls them all alike.
fn name_edge(ui: &Ui, panel: &str, name: &str) {
    let edge = ui.scope_id().with_salt(IdSalt::new(panel)).with("__resize");
    if ui.ctx().has_accesskit_node(edge) {
        ui.ctx().accesskit_node_builder(edge, |node| node.set_label(name));
    }
}
