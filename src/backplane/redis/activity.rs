//! Tells a slow connection from a dead one: a time limit without progress.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::select;
use tokio::time::{Instant, sleep, sleep_until};

/// Time after the end of a limit in which progress still counts. When a process continues after it was stopped, timers fire
/// before the bytes are read that arrived meanwhile.
const GRACE: Duration = Duration::from_millis(50);

/// When bytes last arrived at the other end of a connection, or came from it.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Microseconds after `opened`.
    last: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { opened: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Activity {
    fn record(&self) {
        // Relaxed: it is a time, and no other memory depends on it.
        self.last.store(self.opened.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.opened + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }

    /// Waits for a reply. The first bytes may take `wait + limit`. After that, `None` when there is no progress for `limit`.
    pub async fn within<T>(
        &self,
        wait: Duration,
        limit: Duration,
        reply: impl Future<Output = T>,
    ) -> Option<T> {
        let first = Instant::now() + wait + limit;
        let deadline = || first.max(self.last() + limit);
        let mut reply = pin!(reply);
        loop {
            let grace = select! {
                biased;
                reply = &mut reply => return Some(reply),
                () = sleep_until(deadline()) => Instant::now() + GRACE,
            };
            select! {
                biased;
                reply = &mut reply => return Some(reply),
                () = sleep(GRACE) => {}
            }
            let now = Instant::now();
            // A process that was stopped during the grace gets another one.
            if deadline() <= now && now < grace + GRACE {
                return None;
            }
        }
    }
}

/// A stream that records its activity.
pub(super) struct Recorded<S> {
    stream: S,
    activity: Arc<Activity>,
    /// True when the last write had to wait.
    is_full: bool,
}

impl<S> Recorded<S> {
    pub fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, is_full: false }
    }

    /// Records a write. It shows progress only if it had to wait: the operating system accepts some bytes for a dead server too.
    fn written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.is_full = true,
            Poll::Ready(Ok(1..)) if self.is_full => {
                self.is_full = false;
                self.activity.record();
            }
            Poll::Ready(_) => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.record();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn secs(since: Instant) -> u64 {
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_fails_after_the_limit_without_any_bytes() {
        let begun = Instant::now();
        assert_eq!(Activity::default().within(Duration::ZERO, LIMIT, pending::<()>()).await, None);
        assert_eq!(secs(begun), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_may_wait_has_the_limit_after_that_time() {
        let activity = Activity::default();
        let begun = Instant::now();
        assert_eq!(activity.within(Duration::from_secs(5), LIMIT, pending::<()>()).await, None);
        assert_eq!(secs(begun), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_may_take_any_time_while_bytes_arrive_and_fails_when_they_stop() {
        let activity = Arc::new(Activity::default());
        let (near, mut far) = duplex(1);
        let mut near = Recorded::new(near, Arc::clone(&activity));
        let begun = Instant::now();
        let sending = async {
            for _ in 0..100 {
                sleep(Duration::from_secs(1)).await;
                far.write_u8(0).await.unwrap();
            }
            pending::<()>().await;
        };
        let reading = async {
            loop {
                near.read_u8().await.unwrap();
            }
        };
        select! {
            () = sending => unreachable!(),
            () = reading => unreachable!(),
            reply = activity.within(Duration::from_secs(5), LIMIT, pending::<()>()) => assert_eq!(reply, None),
        }
        assert_eq!(secs(begun), 102);
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_may_take_any_time_while_the_server_takes_bytes() {
        let activity = Arc::new(Activity::default());
        let (near, mut far) = duplex(1);
        let mut near = Recorded::new(near, Arc::clone(&activity));
        let begun = Instant::now();
        let receiving = async {
            for _ in 0..100 {
                sleep(Duration::from_secs(1)).await;
                far.read_u8().await.unwrap();
            }
            pending::<()>().await;
        };
        let command = async {
            near.write_all(&[0; 200]).await.unwrap();
        };
        select! {
            () = receiving => unreachable!(),
            reply = activity.within(Duration::ZERO, LIMIT, command) => assert_eq!(reply, None),
        }
        assert_eq!(secs(begun), 102);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_need_not_wait_shows_no_progress() {
        let activity = Arc::new(Activity::default());
        let (near, _far) = duplex(1_000);
        let mut near = Recorded::new(near, Arc::clone(&activity));
        let begun = Instant::now();
        let writing = async {
            loop {
                sleep(Duration::from_millis(500)).await;
                near.write_all(b"PING").await.unwrap();
            }
        };
        select! {
            () = writing => unreachable!(),
            reply = activity.within(Duration::ZERO, LIMIT, pending::<()>()) => assert_eq!(reply, None),
        }
        assert_eq!(secs(begun), 2);
    }

    #[tokio::test]
    async fn a_reply_that_arrived_while_the_process_stood_still_is_not_late() {
        let activity = Arc::new(Activity::default());
        let (near, mut far) = duplex(10);
        let mut near = Recorded::new(near, Arc::clone(&activity));
        // Another task reads, as the connection does.
        let reader = tokio::spawn(async move { near.read_u8().await.unwrap() });
        far.write_u8(7).await.unwrap();
        let limit = Duration::from_millis(1);
        let reply = async {
            // Nothing else runs on this thread meanwhile.
            std::thread::sleep(Duration::from_millis(20));
            reader.await.unwrap()
        };
        assert_eq!(activity.within(Duration::ZERO, limit, reply).await, Some(7));
    }
}
