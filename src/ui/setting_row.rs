//! One setting, one row: name, slider, a value that can be typed into, and below it what is wrong with it.

use std::ops::RangeInclusive;

use egui::{
    Align, DragValue, Key, Label, Layout, Modifiers, Rect, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo,
    pos2, vec2,
};

use super::numbers;
use super::palette::Palette;
use super::segmented::segmented;
use super::slider::{Scale, slider};
use super::theme::{ROW, regular};
use crate::config::Problem;

/// Width of the names.
const NAME_WIDTH: f32 = 92.0;
/// Width of the values.
const VALUE_WIDTH: f32 = 58.0;
/// The largest value that can be typed at all; whether one can work is said below the row.
const MOST_TYPED: f64 = 1e9;

/// A number that can be set.
pub struct NumberRow<'a> {
    pub name: &'a str,
    /// What it is, in plain words.
    pub about: &'a str,
    /// The unit, or empty.
    pub unit: &'a str,
    pub value: f64,
    /// The preset's value.
    pub preset: f64,
    pub scale: Scale,
    pub problem: Option<&'a Problem>,
}

impl NumberRow<'_> {
    /// Draws the row; gives the new value if it was changed.
    pub fn show(self, ui: &mut Ui) -> Option<f64> {
        let tip = self.tip();
        let mut changed = None;
        let whole = self.scale.step > 0.0;
        let format = move |value: f64| if whole { numbers::whole(value) } else { numbers::short(value) };
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
        let label = name_label(ui, rect, self.name, self.value != self.preset);
        let value_rect = Rect::from_center_size(
            pos2(rect.right() - VALUE_WIDTH / 2.0, rect.center().y),
            vec2(VALUE_WIDTH, ROW - 4.0),
        );
        let rail = Rect::from_min_max(
            pos2(rect.left() + NAME_WIDTH - 4.0, rect.top()),
            pos2(value_rect.left() - 4.0, rect.bottom()),
        );
        let (track, moved) = slider(ui, self.name, rail, self.value, &self.scale);
        changed = moved.or(changed);
        let mut value = self.value;
        let step = if self.scale.logarithmic { value.abs().max(1e-5) * 0.01 } else { self.scale.value(1.0) / 400.0 };
        let field = DragValue::new(&mut value)
            .range(self.typed())
            .clamp_existing_to_range(false)
            .speed(step.max(0.2 * self.scale.step))
            .custom_formatter(move |value, _| format(value))
            .custom_parser(numbers::parse)
            .clip_text(true);
        let field = ui
            .scope(|ui| {
                ui.spacing_mut().interact_size.y = value_rect.height();
                ui.spacing_mut().button_padding = vec2(6.0, 2.0);
                ui.put(value_rect, field)
            })
            .inner
            .labelled_by(label.id);
        if field.changed() {
            // What was typed is kept, and judged below the row; only the mouse keeps to the steps.
            let settled = if field.dragged() { self.scale.snap(value) } else { value };
            changed = Some(if whole { settled.round() } else { settled });
        }
        if reset_by_key(ui, rect) {
            changed = Some(self.preset);
        }
        for part in [label, track, field] {
            if part.secondary_clicked() {
                changed = Some(self.preset);
            }
            part.on_hover_text(&tip);
        }
        problem_text(ui, self.problem);
        changed
    }

    /// What can be typed: below 0 only where the values go below it.
    fn typed(&self) -> RangeInclusive<f64> {
        let least = if *self.scale.range.start() < 0.0 { -MOST_TYPED } else { 0.0 };
        least..=MOST_TYPED
    }

    fn tip(&self) -> String {
        let whole = self.scale.step > 0.0;
        let format = |value: f64| if whole { numbers::whole(value) } else { numbers::short(value) };
        let (low, high) = (format(*self.scale.range.start()), format(*self.scale.range.end()));
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let steps =
            if self.scale.step > 1.0 { format!(" in steps of {}", format(self.scale.step)) } else { String::new() };
        let kind = if self.scale.logarithmic { ", logarithmic" } else { "" };
        format!(
            "{}\n{low} to {high}{unit}{steps}{kind}. Preset: {}{unit}.\nRight-click, or Delete: back to the preset.",
            self.about,
            format(self.preset)
        )
    }
}

/// A setting whose control is not a slider.
pub struct ChoiceRow<'a, T> {
    pub name: &'a str,
    /// What it is, in plain words.
    pub about: &'a str,
    pub value: &'a mut T,
    pub preset: T,
    /// The preset's value in words.
    pub preset_word: &'a str,
}

impl<T: Copy + PartialEq> ChoiceRow<'_, T> {
    /// Draws the row and takes what `control` gives, or the preset's value at a right-click.
    pub fn show(self, ui: &mut Ui, control: impl FnOnce(&mut Ui, T) -> Option<T>) {
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
        let label = name_label(ui, rect, self.name, *self.value != self.preset);
        let place = rect.with_min_x(rect.left() + NAME_WIDTH);
        let layout = Layout::left_to_right(Align::Center);
        let inner = ui.scope_builder(UiBuilder::new().max_rect(place).layout(layout), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            control(ui, *self.value)
        });
        if let Some(chosen) = inner.inner {
            *self.value = chosen;
        }
        if reset_asked(ui, rect) {
            *self.value = self.preset;
        }
        label.on_hover_text(format!(
            "{}\nPreset: {}.\nRight-click, or Delete: back to the preset.",
            self.about, self.preset_word
        ));
    }

    /// Draws the row with all options beside each other: value, word, tooltip.
    pub fn segmented(self, ui: &mut Ui, options: &[(T, &str, &str)]) {
        let name = self.name;
        self.show(ui, |ui, value| {
            let width = ui.available_width();
            segmented(ui, name, value, options, Some(width))
        });
    }
}

/// Draws a control that is no row; gives what it gives, and whether it is to go back to what it was at first: by a right-click on
/// it, or Delete while it has the keys.
pub fn with_reset<R>(ui: &mut Ui, control: impl FnOnce(&mut Ui) -> R) -> (R, bool) {
    let drawn = ui.scope(control);
    let back = reset_asked(ui, drawn.response.rect);
    (drawn.inner, back)
}

/// Whether a right-click in `row`, or Delete there, takes it back.
pub fn reset_asked(ui: &Ui, row: Rect) -> bool {
    let pressed = ui.rect_contains_pointer(row) && ui.input(|input| input.pointer.secondary_clicked());
    pressed || reset_by_key(ui, row)
}

/// Whether Delete is pressed while a control of the row has the keys; in a field it deletes a letter.
fn reset_by_key(ui: &Ui, row: Rect) -> bool {
    let focused = ui.memory(egui::Memory::focused).and_then(|id| ui.ctx().read_response(id));
    let here = focused.is_some_and(|control| control.layer_id == ui.layer_id() && row.contains(control.rect.center()))
        && !ui.ctx().text_edit_focused();
    here && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Delete))
}

/// The word of an option.
pub fn word_of<'a, T: PartialEq>(options: &[(T, &'a str, &str)], value: &T) -> &'a str {
    options.iter().find(|(option, ..)| option == value).map_or("", |(_, word, _)| word)
}

/// The name at the left of a row, with a dot before it if the value is not the preset's.
fn name_label(ui: &mut Ui, row: Rect, name: &str, differs: bool) -> Response {
    let p = Palette::of(ui);
    let place = row.with_max_x(row.left() + NAME_WIDTH - 4.0);
    let galley = ui.painter().layout_no_wrap(name.into(), regular(13.0), p.muted);
    let at = place.left_center() - vec2(0.0, galley.size().y / 2.0);
    ui.painter_at(place).galley(at, galley, p.muted);
    if differs {
        ui.painter().circle_filled(row.left_center() - vec2(8.0, 0.0), 2.5, p.accent);
    }
    let response = ui.interact(place, ui.scope_id().with(("name", name)), Sense::CLICK);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    response
}

/// What is wrong with the setting above, and what would work.
pub fn problem_text(ui: &mut Ui, problem: Option<&Problem>) {
    let Some(problem) = problem else { return };
    let p = Palette::of(ui);
    let text = format!("{} {}: {}", super::icons::WARNING, problem.what, problem.hint);
    ui.add(Label::new(RichText::new(text).size(11.0).color(p.bad)).wrap());
    ui.add_space(4.0);
}
