//! The Data tab: a contact sheet of what the next run would learn from, a class a row, and how many there are of each.

use egui::emath::GuiRounding;
use egui::{Align2, Frame, Margin, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::button::Button;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::picture_grid::Empty;
use super::scroll;
use super::section::{caption, title};
use super::tabs::{reading, stop_reading};
use super::textures::{Part, Textures};
use super::theme::{regular, semibold};
use crate::app::{ACROSS, Action, AppState, ContactSheet};
use crate::config::{DataSettings, DataSource, Subset};

/// Room for the class at the left of a row, and for the bar and the count at its right.
const CLASS: f32 = 28.0;
const LEAST_BAR: f32 = 60.0;
const MOST_BAR: f32 = 160.0;
const COUNT: f32 = 52.0;
/// Between the pictures, the bar and the count; and what the scroll bar takes.
const GAP: f32 = 12.0;

/// Draws the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    Frame::new().inner_margin(Margin { left: 20, right: 8, top: 12, bottom: 0 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        title(ui, "What the next run learns from", |ui| {
            ui.add_space(12.0);
            if state.data.reading().is_some() {
                return stop_reading(ui, "Read no further, and show what was shown before", actions);
            }
            let tip = "Read the images once more: files may have changed";
            if Button::text("Look again").enabled(!state.data.is_reading()).tip(tip).show(ui).clicked() {
                actions.push(Action::LookAtData);
            }
        });
        let unreadable = state.settings.data.digits.is_empty() || state.unreadable_data().is_some();
        let Some((data, sheet)) = state.data.sheet().filter(|_| !unreadable) else { return without(ui, state) };
        caption(ui, if state.data.is_reading() { reads(state) } else { about(sheet, data) });
        if state.lacks_classes() {
            without_classes(ui, state, actions);
        }
        ui.add_space(8.0);
        scroll::column(ui, "data", 6.0, |ui| {
            rows(ui, sheet, textures);
            if sheet.left_out > 0 {
                ui.add_space(6.0);
                caption(ui, format!("and {} more classes", sheet.left_out));
            }
            ui.add_space(8.0);
            caption(ui, "Drop a folder of images or an IDX file onto the window to learn from it. Digits and the subset are set at the left.");
            ui.add_space(12.0);
        });
    });
}

fn without(ui: &mut Ui, state: &AppState) {
    if state.settings.data.digits.is_empty() {
        let sentence = "Choose at least one digit at the left: its images appear here.";
        return Empty { headline: "No digit is chosen", sentence }.show(ui, |_| ());
    }
    let Some(why) = state.unreadable_data() else { return caption(ui, reads(state)) };
    let p = Palette::of(ui);
    ui.label(RichText::new(why).color(p.bad));
    ui.add_space(4.0);
    caption(
        ui,
        "Choose other data at the top, drop a folder of images here, or change the digits and the subset at the left.",
    );
}

/// How far the images are read.
fn reads(state: &AppState) -> String {
    state.data.reading().map_or_else(|| "Reading the images…".to_owned(), reading)
}

/// Before a run begins that could not.
fn without_classes(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let words = "These images have no classes, which the network is to be told. Sort them into folders 0 to 9, or";
        ui.label(RichText::new(format!("{} {words}", icons::WARNING)).size(12.0).color(p.warn));
        let tip = "Switch Classes off in the settings of the next run";
        if Button::text("Train without classes").tip(tip).show(ui).clicked() {
            let mut settings = state.settings.clone();
            settings.network.classes = false;
            actions.push(Action::Settings(Box::new(settings)));
        }
    });
}

/// The set in one line: how many, of what size, from where.
fn about(sheet: &ContactSheet, data: &DataSettings) -> String {
    let whole = |n: usize| numbers::whole(n as f64);
    let (width, height) = sheet.original;
    let size = data.image_size;
    let sizes = if (width, height) == (size, size) {
        format!("{size}×{size} pixels")
    } else {
        format!("{width}×{height} pixels, learned at {size}×{size}")
    };
    let which = match data.subset {
        Subset::All => "all",
        Subset::First(_) => "the first",
        Subset::Shuffled(_) => "at random",
    };
    let place = match &data.source {
        DataSource::Mnist => "inside the program".to_owned(),
        DataSource::Path(path) => path.display().to_string(),
    };
    let (train, test) = (whole(sheet.train), whole(sheet.test));
    format!("{}, {place}: {train} images to learn from ({which}), {test} to measure on · {sizes}", sheet.name)
}

fn rows(ui: &mut Ui, sheet: &ContactSheet, textures: &mut Textures) {
    let p = Palette::of(ui);
    let (width, height) = (sheet.pictures.width as f32, sheet.pictures.height as f32);
    let rows = sheet.pictures.count() / ACROSS;
    let known = !sheet.classes.is_empty();
    let fine = ui.ctx().pixels_per_point();
    let pixels = ACROSS as f32 * (width + 1.0) + 1.0;
    let room = ui.available_width() - pixels - CLASS - COUNT - GAP;
    // Where there is none for bars, the counts alone tell the balance.
    let least_bar = if room >= LEAST_BAR + 2.0 * GAP { LEAST_BAR } else { 0.0 };
    let between = if least_bar > 0.0 { 3.0 * GAP } else { GAP };
    let beside = if known { CLASS + least_bar + COUNT + between } else { GAP };
    let scale = ((ui.available_width() - beside) / pixels * fine).floor().clamp(1.0, 2.0 * fine) / fine;
    let step = (height + 1.0) * scale;
    let spare = ui.available_width() - beside - pixels * scale;
    let longest = if least_bar > 0.0 { (least_bar + spare).clamp(least_bar, MOST_BAR) } else { 0.0 };
    let size = vec2(beside + longest - least_bar + pixels * scale, rows as f32 * step + scale);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let left = rect.left() + if known { CLASS } else { 0.0 };
    let pictures = Rect::from_min_size(pos2(left, rect.top()), vec2(pixels * scale, size.y));
    let pictures = pictures.round_to_pixels(fine);
    textures.paint(ui, pictures, ("data", 0), &sheet.pictures, Part::Grid { columns: ACROSS, gap: 1 }, 6);
    let response = ui.interact(pictures, ui.scope_id().with("sheet"), Sense::hover());
    let name = format!("Contact sheet of {}, {} rows of {ACROSS} images", sheet.name, rows);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));

    let most = sheet.classes.iter().map(|class| class.count).max().unwrap_or(1).max(1) as f32;
    let even = sheet.train as f32 / sheet.classes.len().max(1) as f32;
    for (i, class) in sheet.classes.iter().take(rows).enumerate() {
        let middle = rect.top() + (i as f32 + 0.5) * step;
        let at = pos2(rect.left() + CLASS - 12.0, middle);
        ui.painter().text(at, Align2::RIGHT_CENTER, class.class.to_string(), semibold(13.0), p.text);
        let start = pictures.right() + GAP;
        let place =
            Rect::from_min_max(pos2(start, middle - step / 2.0), pos2(start + longest + COUNT, middle + step / 2.0));
        let bar = Rect::from_min_max(
            pos2(start, middle - 5.0),
            pos2(start + (longest * class.count as f32 / most).max(1.0), middle + 5.0),
        );
        let mut end = start;
        if longest > 0.0 {
            ui.painter().rect_filled(bar, 2, p.accent.gamma_multiply(0.7));
            end += longest + 8.0;
        }
        let words = numbers::whole(class.count as f64);
        ui.painter().text(pos2(end, middle), Align2::LEFT_CENTER, &words, regular(12.0), p.muted);
        let response = ui.interact(place, ui.scope_id().with(("class", i)), Sense::hover());
        let share = 100.0 * class.count as f32 / even;
        let name = format!("Class {}: {words} images", class.class);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
        response.on_hover_text(format!("{name}, {share:.0} % of an even share"));
    }
}
