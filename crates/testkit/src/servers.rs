//! Which object stores can a test talk to over a real socket?
//!
//! Servers that imitate S3 and Azure, if they are installed: named by an environment variable, found on the `PATH`, or where
//! `.ci/run` puts them (`~/.cache/tidegate/servers`). Each test starts its own on a free port, with nothing in it; it ends
//! with the test. Without a server the test is skipped, and says so.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::proxy::{Action, Proxy};

/// A server that imitates a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// S3 by moto, which honours conditions. Requests reach it one by one, since it looks and writes in two steps.
    Moto,
    /// Azure Blob Storage by Azurite.
    Azurite,
    /// S3 by s3rver, which takes conditions and ignores them.
    S3rver,
}

/// What is signed with the key that every Azurite has, until 2099: it allows everything.
const AZURITE_SIGNATURE: &str = "sv=2018-11-09&ss=b&srt=sco&sp=rwdlacup&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp\
                                 &sig=seCqjIBabR3A3RHFN%2BSXXqZFiI9Ezy%2FigZHXXx0KOhU%3D";

/// The account that every Azurite has.
const ACCOUNT: &str = "devstoreaccount1";

/// Its key, which is no secret.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Kind {
    /// The variable that names the program.
    fn variable(self) -> &'static str {
        match self {
            Self::Moto => "TIDEGATE_MOTO",
            Self::Azurite => "TIDEGATE_AZURITE",
            Self::S3rver => "TIDEGATE_S3RVER",
        }
    }

    /// The program, and where `.ci/run` puts it.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Moto => ("moto_server", "moto/bin"),
            Self::Azurite => ("azurite-blob", "node_modules/.bin"),
            Self::S3rver => ("s3rver", "node_modules/.bin"),
        }
    }

    fn arguments(self, port: u16, folder: &Path) -> Vec<OsString> {
        let port = port.to_string();
        let words: Vec<&str> = match self {
            Self::Moto => vec!["--host", "127.0.0.1", "--port", &port],
            Self::Azurite => vec![
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                &port,
                "--inMemoryPersistence",
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--silent",
            ],
            Self::S3rver => vec!["--port", &port, "--silent", "--configure-bucket", "tidegate", "--directory"],
        };
        let mut words = words.into_iter().map(OsString::from).collect::<Vec<_>>();
        if self == Self::S3rver {
            words.push(folder.into());
        }
        words
    }

    /// What it says when it can be asked.
    fn greeting(self) -> &'static str {
        match self {
            Self::Moto => "Running on",
            Self::Azurite => "successfully listens",
            Self::S3rver => "listening on",
        }
    }

    fn find(self) -> Option<PathBuf> {
        if let Some(named) = env::var_os(self.variable()) {
            return Some(named.into());
        }
        let (program, folder) = self.program();
        let path = env::var_os("PATH").unwrap_or_default();
        let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cache/tidegate/servers").join(folder));
        let mut places = env::split_paths(&path).chain(home).map(|folder| folder.join(program));
        places.find(|place| place.is_file())
    }
}

/// A server that runs for one test, with one bucket.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    child: Child,
    /// Where requests go.
    port: u16,
    _folder: Folder,
    _proxy: Option<Proxy>,
}

impl Server {
    /// Starts a server; none, with a word about it, where it is not installed.
    ///
    /// # Errors
    /// When it is installed and does not come up.
    pub fn start(kind: Kind) -> io::Result<Option<Self>> {
        let Some(program) = kind.find() else {
            eprintln!("skipped: {kind:?} is not installed; .ci/run installs it, or name it in {}", kind.variable());
            return Ok(None);
        };
        let own_port = free_port()?;
        let folder = Folder::new(own_port)?;
        let mut child = Command::new(program)
            .args(kind.arguments(own_port, &folder.0))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // Moto greets on stderr, the others on stdout; both must be read on, or the server blocks.
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let speaks: Option<Box<dyn Read + Send>> = match kind {
            Kind::Moto => err.map(|err| Box::new(err) as _),
            Kind::Azurite | Kind::S3rver => out.map(|out| Box::new(out) as _),
        };
        let mut lines = BufReader::new(speaks.ok_or(io::ErrorKind::BrokenPipe)?).lines();
        let mut said = String::new();
        loop {
            let Some(line) = lines.next().transpose()? else {
                return Err(io::Error::other(format!("{kind:?} did not start: {said}")));
            };
            if line.contains(kind.greeting()) {
                break;
            }
            said.push_str(&line);
        }
        thread::spawn(move || lines.for_each(drop));
        let proxy = match kind {
            Kind::Moto => Some(Proxy::in_turn(own_port, |_, _| Action::Forward)?),
            Kind::Azurite | Kind::S3rver => None,
        };
        let port = proxy.as_ref().map_or(own_port, Proxy::port);
        let server = Self { kind, child, port, _folder: folder, _proxy: proxy };
        server.make_bucket()?;
        Ok(Some(server))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A place in its bucket.
    pub fn url(&self, prefix: &str) -> String {
        let scheme = if self.kind == Kind::Azurite { "az" } else { "s3" };
        format!("{scheme}://tidegate/{prefix}")
    }

    /// What the environment says of it, to those who ask `port`: its own, or that of a [`Proxy`] before it.
    pub fn env(&self, port: u16) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{port}");
        let pairs = match self.kind {
            Kind::Azurite => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
                ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
                ("AZURE_STORAGE_ENDPOINT", format!("{endpoint}/{ACCOUNT}")),
                ("AZURE_ALLOW_HTTP", "true".to_owned()),
            ],
            Kind::Moto | Kind::S3rver => vec![
                ("AWS_ACCESS_KEY_ID", "S3RVER".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "S3RVER".to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_ENDPOINT", endpoint),
                ("AWS_ALLOW_HTTP", "true".to_owned()),
            ],
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn make_bucket(&self) -> io::Result<()> {
        let path = match self.kind {
            Kind::Moto => "/tidegate".to_owned(),
            Kind::Azurite => format!("/{ACCOUNT}/tidegate?restype=container&{AZURITE_SIGNATURE}"),
            Kind::S3rver => return Ok(()),
        };
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            connection,
            "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 20") { Ok(()) } else { Err(io::Error::other(answer)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that anybody wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens at.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A folder of a server, which goes with it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(port: u16) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("tidegate-server-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
