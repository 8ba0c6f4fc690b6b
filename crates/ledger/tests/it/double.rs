//! A store in memory that does not do as it is told, or says something else than it did.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tidegate_ledger::Store;

/// What the store makes of a condition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Condition {
    #[default]
    Honoured,
    /// It writes in any case, and says that it created the file.
    Ignored,
    /// It writes in any case, and says truly whether the file was there.
    Overwritten,
    /// It says that it knows no conditions.
    Unknown,
}

/// What the store makes of one request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It does what is asked, and says so.
    Plain,
    /// It does nothing, and reports this.
    Fails(Error),
    /// It does what is asked, and reports this.
    DoesAndFails(Error),
}

/// A store in memory that answers by a script; when that is at its end it does what is asked.
#[derive(Debug, Default)]
pub(crate) struct Double {
    pub(crate) files: InMemory,
    pub(crate) condition: Condition,
    pub(crate) script: Mutex<VecDeque<Answer>>,
}

impl Double {
    pub(crate) fn with_condition(condition: Condition) -> Store {
        Store::new(Arc::new(Self { condition, ..Self::default() }))
    }

    /// A store that follows a script, and the pauses it makes meanwhile.
    pub(crate) fn with_script(script: impl IntoIterator<Item = Answer>) -> (Store, Arc<Mutex<Vec<Duration>>>) {
        let script = Mutex::new(script.into_iter().collect());
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let store = Store::new(Arc::new(Self { script, ..Self::default() }));
        let noted = Arc::clone(&pauses);
        let store = store.with_pause(move |how_long| {
            noted.lock().unwrap().push(how_long);
            async {}
        });
        (store, pauses)
    }

    async fn answer<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = self.script.lock().unwrap().pop_front().unwrap_or(Answer::Plain);
        match answer {
            Answer::Plain => work.await,
            Answer::Fails(error) => Err(error),
            Answer::DoesAndFails(error) => work.await.and(Err(error)),
        }
    }
}

impl fmt::Display for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Double")
    }
}

#[async_trait]
impl ObjectStore for Double {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        let overwrite = PutOptions { mode: PutMode::Overwrite, ..options.clone() };
        self.answer(async {
            match self.condition {
                _ if options.mode != PutMode::Create => self.files.put_opts(path, bytes, options).await,
                Condition::Honoured => self.files.put_opts(path, bytes, options).await,
                Condition::Ignored => self.files.put_opts(path, bytes, overwrite).await,
                Condition::Overwritten => {
                    let created = self.files.put_opts(path, bytes.clone(), options).await;
                    self.files.put_opts(path, bytes, overwrite).await?;
                    created
                }
                Condition::Unknown => {
                    Err(Error::NotImplemented { operation: "create".into(), implementer: self.to_string() })
                }
            }
        })
        .await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.answer(self.files.get_opts(path, options)).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.script.lock().unwrap().pop_front() {
            Some(Answer::Fails(error)) => stream::once(async { Err(error) }).boxed(),
            Some(Answer::DoesAndFails(error)) => {
                let deleted = self.files.delete_stream(paths).collect::<Vec<_>>();
                stream::once(async { deleted.await.into_iter().collect::<Result<Vec<_>>>().and(Err(error)) }).boxed()
            }
            _ => self.files.delete_stream(paths),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.script.lock().unwrap().pop_front() {
            // Some files come, and then the connection breaks.
            Some(Answer::Fails(error) | Answer::DoesAndFails(error)) => {
                self.files.list(prefix).take(1).chain(stream::once(async { Err(error) })).boxed()
            }
            _ => self.files.list(prefix),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}
