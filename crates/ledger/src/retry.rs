//! When is a store asked again, and how long is waited before?

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::Error;

use crate::error::{is_denied, lacks_bucket};

/// How often a store is asked at most.
const TRIES: u32 = 5;

/// The longest pause after the first try; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

type Pause = dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync;

/// How one store is asked again.
#[derive(Clone)]
pub(crate) struct Retry {
    tries: u32,
    pause: Arc<Pause>,
}

impl Retry {
    /// For a store over a network, which may answer the next time.
    pub(crate) fn with_pause<F>(pause: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { tries: TRIES, pause: Arc::new(move |how_long| pause(how_long).boxed()) }
    }

    /// For a local disk, which does not say more the second time.
    pub(crate) fn never() -> Self {
        Self { tries: 1, ..Self::with_pause(tokio::time::sleep) }
    }

    /// Asks until the answer is final, or was an error that may pass [`TRIES`] times.
    pub(crate) async fn run<T, F>(&self, mut ask: impl FnMut() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut tried = 1;
        loop {
            match ask().await {
                Err(error) if self.again(tried, &error).await => tried += 1,
                answer => return answer,
            }
        }
    }

    /// Whether to ask again after the `tried`-th failure; then the pause is over.
    pub(crate) async fn again(&self, tried: u32, error: &Error) -> bool {
        let again = tried < self.tries && may_pass(error);
        if again {
            (self.pause)(pause_after(tried)).await;
        }
        again
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("tries", &self.tries).finish_non_exhaustive()
    }
}

/// Whether the same request may succeed later. `object_store` gives timeouts, broken connections and 5xx as `Generic`,
/// 412 as `Precondition` and 409 as `AlreadyExists`; requests without a condition get the last two only when they meet
/// another writer.
fn may_pass(error: &Error) -> bool {
    let passes = matches!(error, Error::Generic { .. } | Error::Precondition { .. } | Error::AlreadyExists { .. });
    passes && !is_denied(error) && !lacks_bucket(error)
}

/// Half of the pause is left to chance, so that writers that failed together do not come back together.
fn pause_after(tried: u32) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(tried - 1);
    let chance = getrandom::u32().map_or(1.0, |bits| f64::from(bits) / f64::from(u32::MAX));
    longest.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    fn generic() -> Error {
        Error::Generic { store: "x", source: "503".into() }
    }

    /// Answers in turn, and says how long the pauses were.
    async fn check(retry: fn(Arc<Mutex<Vec<Duration>>>) -> Retry, answers: Vec<Error>) -> (bool, Vec<Duration>) {
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let mut answers = answers.into_iter();
        let retry = retry(Arc::clone(&pauses));
        let asked = retry.run(|| {
            let answer = answers.next().map_or(Ok(()), Err);
            async { answer }
        });
        let succeeded = asked.await.is_ok();
        let pauses = pauses.lock().unwrap().clone();
        (succeeded, pauses)
    }

    fn remote(pauses: Arc<Mutex<Vec<Duration>>>) -> Retry {
        Retry::with_pause(move |how_long| {
            pauses.lock().unwrap().push(how_long);
            async {}
        })
    }

    #[tokio::test]
    async fn pauses_double_and_end() {
        for errors in 0..10 {
            let (succeeded, pauses) = check(remote, (0..errors).map(|_| generic()).collect()).await;
            assert_eq!(succeeded, errors < 5, "{errors}");
            assert_eq!(pauses.len(), errors.min(4), "{errors}");
            for (pause, longest_ms) in pauses.iter().zip([200, 400, 800, 1600]) {
                let longest = Duration::from_millis(longest_ms);
                assert!((longest / 2..=longest).contains(pause), "{pause:?}");
            }
        }
    }

    #[tokio::test]
    async fn pauses_are_not_the_same_for_everybody() {
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.extend(check(remote, vec![generic()]).await.1);
        }
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[tokio::test]
    async fn only_what_may_pass_is_asked_again() {
        let path = || "a".to_string();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let errors = [
            (generic(), true),
            (Error::Precondition { path: path(), source: "412".into() }, true),
            (Error::AlreadyExists { path: path(), source: "409".into() }, true),
            (Error::NotFound { path: path(), source: "404".into() }, false),
            (Error::PermissionDenied { path: path(), source: "403".into() }, false),
            (Error::Unauthenticated { path: path(), source: "401".into() }, false),
            (Error::Generic { store: "x", source: Box::new(denied) }, false),
            (Error::NotImplemented { operation: path(), implementer: path() }, false),
        ];
        for (error, again) in errors {
            let text = error.to_string();
            assert_eq!(check(remote, vec![error]).await.0, again, "{text}");
        }
    }

    #[tokio::test]
    async fn a_local_disk_is_asked_once() {
        assert!(!check(|_| Retry::never(), vec![generic()]).await.0);
    }
}
