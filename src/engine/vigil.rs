//! Work that waits for new credentials says so, and goes on by itself.

use futures::future::join_all;

use super::Context;
use crate::aws::Session;

/// Those that have credentials of their own.
pub fn distinct(sessions: impl IntoIterator<Item = Session>) -> Vec<Session> {
    let mut all: Vec<Session> = Vec::new();
    for session in sessions {
        if !all.iter().any(|known| known.waits_with(&session)) {
            all.push(session);
        }
    }
    all
}

/// Tells of every wait, and of its end. Never ends.
pub async fn keep(sessions: &[Session], context: &Context) {
    join_all(sessions.iter().map(|session| keep_one(session, context))).await;
    std::future::pending().await
}

async fn keep_one(session: &Session, context: &Context) {
    let mut news = session.waiting();
    loop {
        let what = news.borrow_and_update().clone();
        context.waits_for(what).await;
        // The sender lives as long as the session.
        if news.changed().await.is_err() {
            return;
        }
    }
}
