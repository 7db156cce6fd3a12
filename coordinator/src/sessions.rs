//! The open sessions of this process: what each is shown, and how it is asked for cuts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k2i_domain::core::view;
use k2i_domain::ids::SessionId;
use k2i_domain::port::{Cut, SessionView};
use k2i_domain::state::State;
use k2i_runtime::port::{CUT_QUEUE, Registration};
use tokio::sync::{mpsc, watch};

/// Channels of every session that this process serves; bounded by the number of live workers, since a session that has
/// ended is dropped with the next view.
#[derive(Debug, Default)]
pub(crate) struct OpenSessions {
    open: Mutex<HashMap<SessionId, Channels>>,
}

#[derive(Debug)]
struct Channels {
    view: watch::Sender<SessionView>,
    cuts: mpsc::Sender<Cut>,
}

impl OpenSessions {
    /// Opens a session with its first view.
    pub(crate) fn open(&self, session: SessionId, state: &State) -> Registration {
        let (view_sender, view) = watch::channel(view(state, session));
        let (cut_sender, cuts) = mpsc::channel(CUT_QUEUE);
        self.lock().insert(session, Channels { view: view_sender, cuts: cut_sender });
        Registration { session, view, cuts }
    }

    /// Shows every session what the state means for it now.
    pub(crate) fn publish(&self, state: &State) {
        self.lock().retain(|session, channels| {
            let next = view(state, *session);
            let alive = next.alive;
            channels.view.send_if_modified(|now| {
                let changed = *now != next;
                *now = next;
                changed
            });
            alive
        });
    }

    /// Asks a session for a cut. A full queue drops the request: the next tick covers it.
    pub(crate) fn cut(&self, session: SessionId, cut: Cut) {
        if let Some(channels) = self.lock().get(&session)
            && channels.cuts.try_send(cut).is_err()
        {
            tracing::debug!(%session, table = %cut.table, "cut queue full or closed, tick skipped");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Channels>> {
        // The map is consistent after every statement, so a panic elsewhere does not spoil it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
