//! What hovering says: below a widget, and for those of the strip over all of it, where it covers none of its controls.

use egui::{Label, Order, Rect, RectAlign, Response, Tooltip};

use super::film_strip;

/// Width of a tip of a rail, which is read beside the pointer.
const WIDE: f32 = 520.0;

/// Says `words` while the pointer rests on a widget, and to a screen reader.
pub fn say(response: Response, words: &str) -> Response {
    let Some(strip) = strip_of(&response) else { return response.on_hover_text(words) };
    describe(&response, words);
    let anchor = Rect::from_x_y_ranges(response.rect.x_range(), strip.y_range());
    let mut tip = Tooltip::for_enabled(&response);
    tip.popup = tip.popup.anchor(anchor).align(RectAlign::TOP);
    tip.show(|ui| {
        ui.set_max_width(ui.spacing().tooltip_width);
        ui.add(Label::new(words));
    });
    response
}

/// The same for a rail of the strip, over the pointer; not while it is held down there, nor after that until it comes
/// anew.
pub fn say_on_rail(response: &Response, words: &str) {
    describe(response, words);
    let pressed = response.id.with("pressed since the pointer came");
    let ctx = &response.ctx;
    let before: bool = ctx.data(|data| data.get_temp(pressed)).unwrap_or_default();
    let now = response.is_pointer_button_down_on() || (before && response.hovered());
    if now != before {
        ctx.data_mut(|data| data.insert_temp(pressed, now));
    }
    let Some((pointer, strip)) = response.hover_pos().zip(strip_of(response)).filter(|_| !now) else { return };
    let mut tip = Tooltip::for_enabled(response).width(WIDE);
    tip.popup = tip.popup.anchor(Rect::from_x_y_ranges(pointer.x..=pointer.x, strip.y_range())).align(RectAlign::TOP);
    tip.show(|ui| ui.label(words));
}

/// The strip at the bottom of the window, for a widget that lies in it.
fn strip_of(response: &Response) -> Option<Rect> {
    let window = response.ctx.content_rect();
    let strip = window.with_min_y(window.bottom() - film_strip::HEIGHT);
    (response.layer_id.order == Order::Background && strip.contains(response.interact_rect.center())).then_some(strip)
}

/// As egui does it for its own tips, of a widget that has a name.
fn describe(response: &Response, words: &str) {
    if response.ctx.has_accesskit_node(response.id) {
        response.ctx.accesskit_node_builder(response.id, |node| {
            if node.description().is_none() {
                node.set_description(words);
            }
        });
    }
}
