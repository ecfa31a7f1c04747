//! What each of the project's scripts begins with.

use std::sync::MutexGuard;

use crate::fault::Fault;
use crate::http::{Form, Request};
use crate::php::{Page, Php, Stop, truthy};
use crate::settings::{Permission, Settings};
use crate::state::{Data, State};
use crate::xml::Element;

/// A script that answers one request.
pub(super) struct Script<'a> {
    pub(super) state: &'a State,
    pub(super) settings: Settings,
    pub(super) request: &'a Request,
    pub(super) form: Form,
    pub(super) fault: &'a Fault,
    pub(super) page: Page,
}

impl<'a> Script<'a> {
    pub(super) fn new(
        state: &'a State,
        settings: Settings,
        request: &'a Request,
        form: Form,
        fault: &'a Fault,
    ) -> Self {
        let page = Page::new(settings.php.display_errors);
        Self { state, settings, request, form, fault, page }
    }

    /// The project is closed for maintenance (`web_stopped`).
    pub(super) fn is_closed(&self) -> bool {
        self.state.is_closed() || matches!(self.fault, Fault::ClosedForMaintenance)
    }

    /// `get_logged_in_user(false)`: whose authenticator the cookie `auth` holds.
    pub(super) fn logged_in(&self) -> Option<usize> {
        let authenticator = self.request.cookie("auth").filter(|cookie| truthy(cookie))?;
        self.data().tables.user(authenticator.trim())
    }

    pub(super) fn data(&self) -> MutexGuard<'a, Data> {
        self.state.data()
    }

    pub(super) fn now(&self) -> i64 {
        self.settings.clock.seconds()
    }

    /// The first use of the database in an RPC: refused while the project is closed.
    pub(super) fn open_database(&mut self) -> Php {
        if self.is_closed() {
            return Err(self.page.xml_error(-183, "project down for maintenance"));
        }
        Ok(())
    }

    pub(super) fn error(&mut self, message: &str) -> Stop {
        self.log();
        self.page.xml_error(-1, message)
    }

    /// `log_write` of html/inc/submit_util.inc: a log costs a note in the reply since PHP 8.1.
    pub(super) fn log(&mut self) {
        if self.settings.remote_submit_log {
            self.page.note("Deprecated", "Function strftime() is deprecated");
        }
    }

    /// `BoincDb::escape_string`: what it gives back is trimmed, too; an empty string does not ask the database.
    pub(super) fn escape_string(&mut self, text: &str) -> Php<String> {
        if !truthy(text) {
            return Ok(String::new());
        }
        self.open_database()?;
        Ok(text.trim_matches([' ', '\t', '\n', '\r', '\0', '\x0b']).to_owned())
    }

    /// `check_remote_submit_permissions`: the index of the user.
    pub(super) fn check_permissions(&mut self, message: &Element, app: Option<&str>) -> Php<usize> {
        let authenticator = message.text_of("authenticator");
        if !truthy(&authenticator) {
            return Err(self.error("no authenticator"));
        }
        let authenticator = self.escape_string(&authenticator)?;
        let found = {
            let data = self.data();
            let user = data.tables.user(&authenticator);
            user.map(|user| (user, data.tables.users[user].submit.clone()))
        };
        let Some((user, permission)) = found else {
            return Err(self.error("bad authenticator"));
        };
        match (app, permission) {
            (_, Permission::All) | (None, Permission::Apps(_)) => Ok(user),
            (Some(app), Permission::Apps(apps)) if apps.iter().any(|allowed| allowed == app) => Ok(user),
            (Some(_), _) => Err(self.error("no submit access")),
            (None, Permission::None) => Err(self.error("no file access")),
        }
    }
}
