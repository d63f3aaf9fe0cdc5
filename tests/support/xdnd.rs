//! Drags a file over a window and drops it there, as a file manager would: the source's side of XDND, version 5
//! (<https://www.freedesktop.org/wiki/Specifications/XDND/>).

use std::path::Path;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, CURRENT_TIME};

const VERSION: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// A file on its way from one window to another.
pub struct Drag {
    server: RustConnection,
    source: Window,
    target: Window,
    uri: String,
}

impl Drag {
    /// Holds the file over a window of the display, at a place on the screen, until the window has looked at it.
    pub fn over(display: &str, target: Window, (x, y): (u32, u32), file: &Path) -> Self {
        let (server, screen) = x11rb::connect(Some(display)).expect("the display is there");
        let root = server.setup().roots[screen].root;
        let source = server.generate_id().unwrap();
        let (class, aux) = (WindowClass::INPUT_OUTPUT, CreateWindowAux::new());
        server
            .create_window(COPY_DEPTH_FROM_PARENT, source, root, 0, 0, 1, 1, 0, class, COPY_FROM_PARENT, &aux)
            .unwrap();
        let drag = Self {
            server,
            source,
            target,
            uri: format!("file://{}\r\n", file.display().to_string().replace(' ', "%20")),
        };
        drag.server.set_selection_owner(source, drag.atom("XdndSelection"), CURRENT_TIME).unwrap();
        let (list, copy) = (drag.atom("text/uri-list"), drag.atom("XdndActionCopy"));
        drag.tell("XdndEnter", [source, VERSION << 24, list, 0, 0]);
        drag.tell("XdndPosition", [source, 0, x << 16 | y, CURRENT_TIME, copy]);
        let mut asked = false;
        let mut accepted = false;
        drag.listen("the window takes the file", |event| {
            match event {
                Event::SelectionRequest(request) => asked |= drag.give(&request),
                Event::ClientMessage(message) if message.type_ == drag.atom("XdndStatus") => {
                    accepted = message.data.as_data32()[1] & 1 == 1;
                    assert!(accepted, "the window takes no files");
                }
                _ => {}
            }
            asked && accepted
        });
        drag
    }

    /// Lets go of it, and waits until the window has it.
    pub fn drop_it(self) {
        self.tell("XdndDrop", [self.source, 0, CURRENT_TIME, 0, 0]);
        self.listen("the window has the file", |event| match event {
            Event::SelectionRequest(request) => {
                self.give(&request);
                false
            }
            Event::ClientMessage(message) => message.type_ == self.atom("XdndFinished"),
            _ => false,
        });
    }

    fn atom(&self, name: &str) -> Atom {
        self.server.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    fn tell(&self, what: &str, data: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.target, self.atom(what), data);
        self.server.send_event(false, self.target, EventMask::NO_EVENT, message).unwrap();
        self.server.flush().unwrap();
    }

    /// Gives the address of the file to whoever asks for the selection.
    fn give(&self, request: &SelectionRequestEvent) -> bool {
        let &SelectionRequestEvent { time, requestor, selection, target, property, .. } = request;
        self.server.change_property8(PropMode::REPLACE, requestor, property, target, self.uri.as_bytes()).unwrap();
        let response_type = SELECTION_NOTIFY_EVENT;
        let told = SelectionNotifyEvent { response_type, sequence: 0, time, requestor, selection, target, property };
        self.server.send_event(false, requestor, EventMask::NO_EVENT, told).unwrap();
        self.server.flush().unwrap();
        true
    }

    /// Takes events until `done`.
    fn listen(&self, what: &str, mut done: impl FnMut(Event) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.server.poll_for_event().unwrap() {
                Some(event) => {
                    if done(event) {
                        return;
                    }
                }
                None => std::thread::park_timeout(Duration::from_millis(5)),
            }
        }
        panic!("waited in vain until {what}");
    }
}
