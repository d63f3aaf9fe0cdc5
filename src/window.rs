//! The real window: eframe around the state and the panels, what is remembered between starts, the end.

mod signals;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use eframe::wgpu::DeviceType;
use eframe::{CreationContext, Frame, NativeOptions, Storage};
use egui::{ColorImage, Context, IconData, ThemePreference, Ui, ViewportBuilder, ViewportCommand};

use crate::app::{Action, App, AppState, Folders, Look, Memory, Remembered};
use crate::engine::{Command, Handle, Outbox};
use crate::files::leave_nothing_unfinished;
use crate::reports::Reports;
use crate::ui::{View, theme};
use crate::{Error, Result};
use signals::Signals;

/// Shortest time between two frames that the engine asks for: drawing on the CPU must not slow training down.
pub const FRAME_PAUSE: Duration = Duration::from_millis(50);
/// The same where the processor draws the triangles, too: a frame then takes tens of milliseconds of every core.
const SOFTWARE_FRAME_PAUSE: Duration = Duration::from_millis(200);

/// How soon a frame follows what the engine tells.
#[derive(Debug)]
struct Pace {
    usual: Duration,
    /// A person waits for the first pictures of a drawing: they are shown as they come.
    at_once: AtomicBool,
}

impl Pace {
    fn new(usual: Duration) -> Arc<Self> {
        Arc::new(Self { usual, at_once: AtomicBool::new(false) })
    }

    fn pause(&self) -> Duration {
        if self.at_once.load(Ordering::Relaxed) { Duration::ZERO } else { self.usual }
    }
}

/// How the window is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    Wgpu,
    Glow,
}

/// How to open the window.
pub struct WindowOptions {
    /// A run folder or weights file to open at once.
    pub run: Option<PathBuf>,
    /// The renderer; none tries wgpu on a graphics card, then glow, which draws faster without one, then wgpu on the processor.
    pub renderer: Option<Renderer>,
    /// The engine's worker, which runs on its own thread until its command channel is closed.
    pub work: fn(Receiver<Command>, Outbox),
}

/// Opens the window and returns when it is closed and the engine has ended.
///
/// Fails with [`Error::NoDisplay`] if there is no screen, or if no renderer can draw on it.
pub fn run(options: WindowOptions) -> Result<()> {
    let WindowOptions { run, renderer, work } = options;
    if cfg!(target_os = "linux") && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| is_unset(name)) {
        return Err(Error::NoDisplay { why: "neither DISPLAY nor WAYLAND_DISPLAY is set".into() });
    }
    let order = match renderer {
        Some(one) => vec![(one, WithoutCard::Open)],
        None => vec![
            (Renderer::Wgpu, WithoutCard::Refuse),
            (Renderer::Glow, WithoutCard::Open),
            (Renderer::Wgpu, WithoutCard::Open),
        ],
    };
    let signals = Signals::watch().inspect_err(|error| tracing::warn!("{error}")).unwrap_or_default();
    let _tidy = Tidy;
    let software = Cell::new(false);
    let mut why = Vec::new();
    for (renderer, without_card) in order {
        match open(renderer, without_card, &software, &signals, run.clone(), work) {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::info!(?renderer, %error, "the window could not be opened");
                why.push(format!("{renderer:?}: {error}").to_lowercase());
            }
        }
    }
    Err(Error::NoDisplay { why: why.join("; ") })
}

/// What the window did not wait for is not left half-written, however it ends.
struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        leave_nothing_unfinished();
    }
}

fn is_unset(name: &str) -> bool {
    std::env::var_os(name).is_none_or(|value| value.is_empty())
}

/// What becomes of a window that no graphics card draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithoutCard {
    Refuse,
    Open,
}

/// Whether wgpu draws on the processor, in place of a graphics card. OpenGL does not tell.
fn is_software(cc: &CreationContext<'_>) -> bool {
    cc.wgpu_render_state.as_ref().is_some_and(|state| state.adapter.get_info().device_type == DeviceType::Cpu)
}

fn open(
    renderer: Renderer,
    without_card: WithoutCard,
    software: &Cell<bool>,
    signals: &Signals,
    run: Option<PathBuf>,
    work: fn(Receiver<Command>, Outbox),
) -> Result<(), eframe::Error> {
    let viewport = ViewportBuilder::default()
        .with_title("Diffuscope")
        .with_app_id("diffuscope")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([640.0, 480.0]);
    let viewport = match icon() {
        Some(icon) => viewport.with_icon(icon),
        None => viewport,
    };
    let renderer = match renderer {
        Renderer::Wgpu => eframe::Renderer::Wgpu,
        Renderer::Glow => eframe::Renderer::Glow,
    };
    let native = NativeOptions { viewport, renderer, ..NativeOptions::default() };
    let create = move |cc: &CreationContext<'_>| {
        let ctx = cc.egui_ctx.clone();
        // What wgpu found out holds for OpenGL after it.
        software.set(software.get() || is_software(cc));
        if software.get() && without_card == WithoutCard::Refuse {
            return Err("there is no graphics card".into());
        }
        let pace = Pace::new(if software.get() { SOFTWARE_FRAME_PAUSE } else { FRAME_PAUSE });
        let paced = Arc::clone(&pace);
        let handle = Handle::spawn(move || ctx.request_repaint_after(paced.pause()), work)?;
        let mut window = Window::with_memory(cc, handle, Folders::of_user(), Memory::of_user());
        window.end_on(signals.clone(), &cc.egui_ctx);
        window.pace = pace;
        if let Some(reports) = Reports::of_user() {
            window.offer_report(reports);
        }
        match (&mut window.app, run) {
            (Some(app), Some(path)) => app.apply(Action::OpenRun(path)),
            (Some(app), None) => app.open_last(),
            (None, _) => {}
        }
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    eframe::run_native("Diffuscope", native, Box::new(create))
}

fn icon() -> Option<IconData> {
    let png = include_bytes!("../assets/icon/diffuscope-256.png");
    let image = image::load_from_memory_with_format(png, image::ImageFormat::Png).ok()?.into_rgba8();
    let (width, height) = image.dimensions();
    Some(IconData { rgba: image.into_raw(), width, height })
}

/// The window: state and engine on one side, panels on the other.
pub struct Window {
    /// Taken away when the window is closed.
    app: Option<App>,
    memory: Memory,
    view: View,
    /// The title that it has.
    title: String,
    pace: Arc<Pace>,
    signals: Signals,
    /// Signals that were listened to.
    heard: usize,
    /// The close button was pressed in the frame before: the same press may be told of again.
    pressed: bool,
}

impl Window {
    /// A window on an engine, that remembers nothing.
    pub fn new(cc: &CreationContext<'_>, handle: Handle, folders: Folders) -> Self {
        Self::with_memory(cc, handle, folders, Memory::default())
    }

    /// A window on an engine, in the state in which the last one was closed.
    pub fn with_memory(cc: &CreationContext<'_>, handle: Handle, folders: Folders, memory: Memory) -> Self {
        theme::install(&cc.egui_ctx);
        // The state holds the zoom, and its steps.
        cc.egui_ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let ctx = cc.egui_ctx.clone();
        let app =
            App::new(handle, Remembered::restore(memory.read().as_deref()), folders, move || ctx.request_repaint());
        let (view, title) = (View::default(), String::new());
        let (signals, pace) = (Signals::default(), Pace::new(FRAME_PAUSE));
        Self { app: Some(app), memory, view, title, pace, signals, heard: 0, pressed: false }
    }

    /// Offers the reports of crashes in a folder.
    pub fn offer_report(&mut self, reports: Reports) {
        if let Some(app) = &mut self.app {
            app.offer_report(reports);
        }
    }

    /// Closes when the system asks the program to end.
    fn end_on(&mut self, signals: Signals, ctx: &Context) {
        signals.wake(ctx);
        self.signals = signals;
    }

    /// Lets the window close once everything is saved; until then it stays, and says so.
    fn close_when_saved(&mut self, ctx: &Context) {
        let Some(app) = &mut self.app else { return };
        let pressed = ctx.input(|input| input.viewport().close_requested());
        let signals = self.signals.count();
        if ((pressed && !self.pressed) || signals != self.heard) && !app.may_go() {
            app.close();
        }
        (self.pressed, self.heard) = (pressed, signals);
        if app.state.is_closing() {
            match (app.may_go(), pressed) {
                (true, true) => {}
                (true, false) => ctx.send_viewport_cmd(ViewportCommand::Close),
                (false, true) => ctx.send_viewport_cmd(ViewportCommand::CancelClose),
                (false, false) => {}
            }
            ctx.request_repaint_after(FRAME_PAUSE);
        }
    }

    /// Keeps what the next start begins with.
    pub fn remember(&mut self) {
        if let Some(text) = self.state().and_then(|state| Remembered::of(state).to_text()) {
            self.memory.keep(text);
        }
    }

    /// Opens what the last window showed.
    pub fn open_last(&mut self) {
        if let Some(app) = &mut self.app {
            app.open_last();
        }
    }

    /// Ends the engine, which keeps the run.
    fn end(&mut self) {
        self.memory.finish();
        if let Some(app) = self.app.take()
            && !app.shutdown()
        {
            tracing::warn!("the engine did not end in time");
        }
    }

    /// Does what was asked for, as a panel would ask.
    pub fn apply(&mut self, action: Action) {
        if let Some(app) = &mut self.app {
            app.apply(action);
        }
    }

    /// The state that is shown; none after the window was closed.
    pub fn state(&self) -> Option<&AppState> {
        self.app.as_ref().map(|app| &app.state)
    }
}

/// A panic while the window is drawn ends the program, and the engine before it, so that the run is kept.
impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &Context, _frame: &mut Frame) {
        let Some(app) = &mut self.app else { return };
        if app.drain() {
            ctx.request_repaint();
        }
        self.pace.at_once.store(app.state.awaits_pictures(), Ordering::Relaxed);
        if app.state.player.playing {
            // A frame after a long rest must not leap ahead.
            app.tick(ctx.input(|input| input.stable_dt).min(0.1));
            ctx.request_repaint();
        }
        self.close_when_saved(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let Some(app) = &mut self.app else { return };
        ui.ctx().set_theme(match app.state.look {
            Look::System => ThemePreference::System,
            Look::Dark => ThemePreference::Dark,
            Look::Light => ThemePreference::Light,
        });
        ui.ctx().set_zoom_factor(app.state.zoom.factor());
        let title = app.state.title();
        if title != self.title {
            ui.ctx().send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        let held_over = ui.input(|input| input.raw.hovered_files.clone());
        app.hold_over(held_over.into_iter().filter_map(|file| file.path));
        let mut actions = self.view.show(ui, &app.state);
        let dropped = ui.input(|input| input.raw.dropped_files.clone());
        actions.extend(dropped.iter().map(|file| Action::Dropped(file.path().into())));
        if !actions.is_empty() {
            ui.ctx().request_repaint();
        }
        for action in actions {
            app.apply(action);
        }
        self.pace.at_once.store(app.state.awaits_pictures(), Ordering::Relaxed);
        if let Some(picture) = app.take_copied() {
            ui.ctx().copy_image(ColorImage::from_gray([picture.width, picture.height], &picture.pixels));
        }
    }

    fn save(&mut self, _storage: &mut dyn Storage) {
        self.remember();
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.end();
    }

    fn persist_egui_memory(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod closing_tests;
#[cfg(test)]
mod returning_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
