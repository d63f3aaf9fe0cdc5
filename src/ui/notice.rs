//! What there was to tell: as a line of the list of messages, and over the panels, where nothing moves for it: a failure
//! until it is dismissed, with the one button that helps; what was done for a moment, over the film.

use egui::accesskit::Live;
use egui::{
    Align, Align2, Area, Color32, Frame, Id, Label, Layout, Margin, Order, Pos2, Rect, RichText, Stroke, Ui, Vec2, vec2,
};

use super::button::Button;
use super::icons;
use super::palette::Palette;
use super::theme::{ROW, regular};
use crate::app::notices::{Kind, Notice};
use crate::app::{Action, AppState};

/// How long it is told what was done, in seconds; as long as the pointer is over it.
const MOMENT: f64 = 5.0;
const WIDEST: f32 = 640.0;
const GAP: f32 = 8.0;
/// Where there is less room the button stands below the words.
const BESIDE: f32 = 440.0;
/// Widths of the icon and of the button that closes, and the spaces between and around them.
const ICON: f32 = 18.0;
const CLOSE: f32 = ROW;
const SPACE: f32 = 6.0;
const INSIDE: f32 = 12.0;

/// The newest thing that was done, and since when it is told, in the seconds of egui's clock.
#[derive(Default)]
pub struct Toast(Option<(u64, f64)>);

impl Toast {
    /// Draws it for a moment, over the film in `strip`.
    pub fn show(&mut self, ui: &Ui, state: &AppState, strip: Rect, actions: &mut Vec<Action>) {
        let Some(newest) = state.notices.newest_word() else { return };
        let now = ui.input(|input| input.time);
        let (id, since) = self.0.filter(|(id, _)| newest.id <= *id).unwrap_or((newest.id, now));
        self.0 = Some((id, since));
        let left = MOMENT - (now - since);
        if id != newest.id || left <= 0.0 {
            return;
        }
        ui.ctx().request_repaint_after_secs(left as f32);
        let place = (strip.center_top() - vec2(0.0, GAP), Align2::CENTER_BOTTOM);
        let rect = card(ui, "toast", place, strip.width(), newest, actions);
        if ui.rect_contains_pointer(rect) {
            self.0 = Some((id, now));
        }
    }
}

/// Draws the newest failure over the top of the centre; gives what is left of it below.
pub fn failure(ui: &Ui, state: &AppState, centre: Rect, actions: &mut Vec<Action>) -> Rect {
    let Some(failure) = state.notices.newest_failure() else { return centre };
    let place = (centre.center_top() + vec2(0.0, GAP), Align2::CENTER_TOP);
    let rect = card(ui, "failure", place, centre.width(), failure, actions);
    centre.with_min_y(rect.bottom())
}

/// A message over the panels; gives where it lies.
fn card(ui: &Ui, id: &str, place: (Pos2, Align2), room: f32, notice: &Notice, actions: &mut Vec<Action>) -> Rect {
    let line = ink(notice.kind, &Palette::of(ui));
    let words = [Some(&notice.text), notice.hint.as_ref()].into_iter().flatten();
    let longest = words.map(|words| size(ui, words, f32::INFINITY).x).fold(0.0, f32::max);
    let button = notice.help.as_ref().map_or(0.0, |help| Button::text(help.word).natural_width(ui) + SPACE);
    let width = longest + ICON + button + CLOSE + 3.0 * SPACE + 2.0 * INSIDE;
    over_panels(ui, id, place, room.min(width + 2.0 * GAP), line, |ui| row(ui, notice, Some(room >= BESIDE), actions))
}

/// The size of words in lines of this width.
fn size(ui: &Ui, words: &str, width: f32) -> Vec2 {
    ui.painter().layout(words.to_owned(), regular(12.0), Color32::PLACEHOLDER, width).size()
}

/// Draws something over the panels, in a frame with a line of this colour; gives where it lies.
pub fn over_panels(
    ui: &Ui,
    id: &str,
    (at, pivot): (Pos2, Align2),
    room: f32,
    line: Color32,
    content: impl FnOnce(&mut Ui),
) -> Rect {
    let width = WIDEST.min(room - 2.0 * GAP);
    let frame = Frame::new().fill(Palette::of(ui).raised).stroke(Stroke::new(1.0, line)).corner_radius(8);
    let area = Area::new(Id::unique(id)).order(Order::Middle).pivot(pivot).fixed_pos(at).constrain(false);
    let shown = area.show(ui.ctx(), |ui| {
        frame.inner_margin(Margin::symmetric(INSIDE as i8, 8)).show(ui, |ui| {
            ui.set_width(width - 2.0 * INSIDE - 2.0);
            content(ui);
        });
    });
    shown.response.rect
}

/// A message in the list.
pub fn in_list(ui: &mut Ui, notice: &Notice, actions: &mut Vec<Action>) {
    row(ui, notice, None, actions);
}

fn ink(kind: Kind, p: &Palette) -> Color32 {
    match kind {
        Kind::Info => p.muted,
        Kind::Done => p.good,
        Kind::Failed => p.bad,
    }
}

/// What happened and what to do about it, the button that does it beside the words or below, if at all, and one that dismisses.
fn row(ui: &mut Ui, notice: &Notice, help_beside: Option<bool>, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let icon = match notice.kind {
        Kind::Info => icons::INFO,
        Kind::Done => icons::CHECK,
        Kind::Failed => icons::WARNING,
    };
    let helps = help_beside.is_some();
    let help = notice.help.as_ref().filter(|_| helps);
    let press = |ui: &mut Ui, actions: &mut Vec<Action>| {
        if let Some(help) = help
            && Button::text(help.word).show(ui).clicked()
        {
            actions.extend([help.action.clone(), Action::Dismiss(notice.id)]);
        }
    };
    let beside = help_beside.unwrap_or_default();
    let button = help.filter(|_| beside).map_or(0.0, |help| Button::text(help.word).natural_width(ui) + SPACE);
    ui.push_id(notice.id, |ui| {
        ui.with_layout(Layout::left_to_right(if helps { Align::Center } else { Align::Min }), |ui| {
            ui.spacing_mut().item_spacing.x = SPACE;
            ui.label(RichText::new(icon).size(14.0).color(ink(notice.kind, &p)));
            let width = ui.available_width() - CLOSE - SPACE - button;
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 2.0;
                if helps && beside && notice.hint.is_none() {
                    // One line stands in the middle of the buttons.
                    ui.add_space(((ROW - size(ui, &notice.text, width).y) / 2.0).max(0.0));
                }
                let text = ui.add(Label::new(RichText::new(&notice.text).size(12.0).color(p.text)).wrap());
                if helps {
                    let live = if notice.kind == Kind::Failed { Live::Assertive } else { Live::Polite };
                    ui.ctx().accesskit_node_builder(text.id, |node| node.set_live(live));
                }
                if let Some(hint) = &notice.hint {
                    ui.add(Label::new(RichText::new(hint).size(12.0).color(p.muted)).wrap());
                }
                if !beside {
                    press(ui, actions);
                }
            });
            if beside {
                press(ui, actions);
            }
            let dismiss = Button::icon(icons::CLOSE, "Dismiss").quiet().show(ui);
            // One is told from the next by what it takes away.
            ui.ctx().accesskit_node_builder(dismiss.id, |node| node.set_description(notice.text.clone()));
            if dismiss.clicked() {
                actions.push(Action::Dismiss(notice.id));
            }
        });
    });
}
