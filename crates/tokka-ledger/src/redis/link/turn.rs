//! How do many callers wait for one repair?

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// One attempt at a time; whoever came while it ran gets its outcome instead of repeating it.
#[derive(Default)]
pub(crate) struct Turn {
    ended: AtomicU64,
    /// Why the last attempt failed, if it did.
    last: Mutex<Option<String>>,
}

impl Turn {
    /// A caller who is cancelled gives its turn to the next.
    pub(crate) async fn share(&self, attempt: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        let seen = self.ended.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if self.ended.load(Ordering::Acquire) == seen {
            *last = attempt.await.err();
            self.ended.fetch_add(1, Ordering::Release);
        }
        last.clone().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;
    use std::task::{Context, Waker};

    use tokio::sync::Notify;

    #[tokio::test]
    async fn those_who_wait_share_what_comes_out() {
        let turn = Arc::new(Turn::default());
        let attempts = Arc::new(AtomicU64::new(0));
        let go = Arc::new(Notify::new());
        let started = Arc::new(Notify::new());
        let first = {
            let (turn, attempts, go, started) = (turn.clone(), attempts.clone(), go.clone(), started.clone());
            tokio::spawn(async move {
                turn.share(async {
                    attempts.fetch_add(1, Ordering::SeqCst);
                    started.notify_one();
                    go.notified().await;
                    Err("nobody there".to_owned())
                })
                .await
            })
        };
        started.notified().await;
        let mut waiting = Box::pin(turn.share(async {
            attempts.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
        // Polled once, so that it waits before the first attempt ends.
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        go.notify_one();
        assert_eq!(first.await.expect("no panic"), Err("nobody there".to_owned()));
        assert_eq!(waiting.await, Err("nobody there".to_owned()));
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        assert_eq!(turn.share(async { Ok(()) }).await, Ok(()));
    }
}
