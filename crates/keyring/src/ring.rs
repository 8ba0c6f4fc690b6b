//! How is a key found, made and destroyed?

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_ledger::Store;

use crate::cache::Cache;
use crate::fixed::Fixed;
use crate::owner::Names;
use crate::wrap::{Found, tombstone, unwrap, wrap};
use crate::{Error, Key, MasterKey, Owner, Result};

const RING: &str = "keys/ring";
const GONE: &str = "keys/gone";

/// How much a keyring keeps in memory, and for how long it believes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys at hand at most, each of about 200 bytes.
    pub cached_keys: usize,
    /// After how long a writer asks again what other processes destroyed. Readers ask each time.
    pub refresh_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cached_keys: 10_000, refresh_every: Duration::from_secs(60) }
    }
}

/// The keys of all tenants of a project. It is shared behind an [`Arc`].
///
/// What is destroyed is held in memory whole: 50 to 100 bytes for each destroyed tenant or user.
pub struct Keyring(Kind);

enum Kind {
    Ring(Box<Ring>),
    Fixed(Fixed),
}

/// Keys on the object store.
struct Ring {
    store: Store,
    master: MasterKey,
    names: Names,
    limits: Limits,
    cache: Mutex<Cache>,
    destroyed: Mutex<Option<(Destroyed, Instant)>>,
}

/// Whose keys are destroyed.
#[derive(Clone, Debug, Default)]
pub struct Destroyed(Arc<BTreeSet<Owner>>);

impl Destroyed {
    /// Whether nothing can be read or written for an owner: it, or the tenant whose user it is, is destroyed.
    pub fn covers(&self, owner: Owner) -> bool {
        self.0.contains(&owner) || self.0.contains(&owner.tenant())
    }

    fn has_users_of(&self, tenant: Owner) -> bool {
        self.0.range(tenant.with_user_name([0; 16])..).next().is_some_and(|next| next.tenant() == tenant)
    }
}

/// The destroyed users of one tenant.
#[derive(Clone)]
pub struct ErasedUsers {
    tenant: Owner,
    names: Names,
    destroyed: Destroyed,
}

impl ErasedUsers {
    /// Whether a user, by its token, is one of them.
    pub fn contains(&self, user: &str) -> bool {
        self.destroyed.0.contains(&self.names.user(self.tenant, user))
    }
}

impl fmt::Debug for ErasedUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErasedUsers({})", self.tenant)
    }
}

impl Keyring {
    /// Keys on the object store, below `keys/`, under a master key.
    pub fn open(store: Store, master: MasterKey, limits: Limits) -> Self {
        let names = Names::new(master.secret());
        let cache = Mutex::new(Cache::new(limits.cached_keys));
        Self(Kind::Ring(Box::new(Ring { store, master, names, limits, cache, destroyed: Mutex::new(None) })))
    }

    /// Keys that are given by hand, as lines of `tenant = "64 hex digits"` (TOML). Unknown tenants are refused, and
    /// nothing can be destroyed.
    ///
    /// # Errors
    /// [`Error::NotATable`].
    pub fn fixed(table: &str) -> Result<Self> {
        Ok(Self(Kind::Fixed(Fixed::parse(table)?)))
    }

    /// What a tenant is called where others can read it.
    ///
    /// # Errors
    /// [`Error::NotGiven`] for a tenant without a key, where keys are given by hand.
    pub fn owner(&self, tenant: &str) -> Result<Owner> {
        match &self.0 {
            Kind::Ring(ring) => Ok(ring.names.tenant(tenant)),
            Kind::Fixed(fixed) => fixed.owner(tenant),
        }
    }

    /// What a user of a tenant, known by a token, is called where others can read it.
    ///
    /// # Errors
    /// As [`owner`](Self::owner).
    pub fn owner_user(&self, tenant: Owner, user: &str) -> Result<Owner> {
        match &self.0 {
            Kind::Ring(ring) => Ok(ring.names.user(tenant, user)),
            Kind::Fixed(fixed) => fixed.user(tenant, user),
        }
    }

    /// The key of an owner, to write under. It is made if there is none.
    ///
    /// # Errors
    /// [`Error::TenantDestroyed`], [`Error::UserDestroyed`]; [`Error::NotGiven`] where keys are given by hand;
    /// [`Error::OtherMaster`], [`Error::Damaged`], [`Error::Store`].
    pub async fn key(&self, owner: Owner) -> Result<Key> {
        match &self.0 {
            Kind::Ring(ring) => ring.key(owner).await,
            Kind::Fixed(fixed) => fixed.key(owner),
        }
    }

    /// The key of an owner, to read with: as it lies on the store now, never made and never remembered.
    ///
    /// # Errors
    /// As [`key`](Self::key); [`Error::Missing`] when there is none.
    pub async fn find(&self, owner: Owner) -> Result<Key> {
        match &self.0 {
            Kind::Ring(ring) => ring.find(owner).await,
            Kind::Fixed(fixed) => fixed.key(owner),
        }
    }

    /// Destroys the key of a tenant, for good: what was written under it can be read by nobody, and nothing is written
    /// for the tenant again. Once this returns, no crash undoes it. Destroying twice, or a tenant that never was, is fine.
    ///
    /// # Errors
    /// [`Error::Store`]: then the key may be destroyed or not, and this is to be called again. [`Error::FixedKeys`].
    pub async fn destroy(&self, tenant: &str) -> Result<()> {
        self.ring()?.destroy(self.owner(tenant)?).await
    }

    /// Destroys the key of one user of a tenant, known by a token, as [`destroy`](Self::destroy) does.
    ///
    /// # Errors
    /// As [`destroy`](Self::destroy).
    pub async fn destroy_user(&self, tenant: &str, user: &str) -> Result<()> {
        let owner = self.owner_user(self.owner(tenant)?, user)?;
        self.ring()?.destroy(owner).await
    }

    /// Whose keys are destroyed, as known now. Where keys are given by hand, nobody's.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn destroyed(&self) -> Result<Destroyed> {
        match &self.0 {
            Kind::Ring(ring) => ring.destroyed().await,
            Kind::Fixed(_) => Ok(Destroyed::default()),
        }
    }

    /// The destroyed users of a tenant, if it has any.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn erased_users(&self, tenant: Owner) -> Result<Option<ErasedUsers>> {
        let Kind::Ring(ring) = &self.0 else { return Ok(None) };
        let destroyed = ring.destroyed().await?;
        let erased = || ErasedUsers { tenant, names: ring.names.clone(), destroyed: destroyed.clone() };
        Ok(destroyed.has_users_of(tenant).then(erased))
    }

    fn ring(&self) -> Result<&Ring> {
        match &self.0 {
            Kind::Ring(ring) => Ok(ring),
            Kind::Fixed(_) => Err(Error::FixedKeys),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Ring(ring) => write!(f, "Keyring({:?})", ring.master),
            Kind::Fixed(_) => f.write_str("Keyring(fixed)"),
        }
    }
}

impl Ring {
    async fn key(&self, owner: Owner) -> Result<Key> {
        let destroyed = self.destroyed().await?;
        if destroyed.covers(owner) {
            return Err(gone(owner, &destroyed));
        }
        if owner.is_user() {
            self.kept(owner.tenant()).await?;
        }
        self.kept(owner).await
    }

    /// A key that is at hand, lies there, or is made.
    async fn kept(&self, owner: Owner) -> Result<Key> {
        if let Some(key) = lock(&self.cache).get(owner) {
            return Ok(key);
        }
        let key = match self.read(owner).await {
            Err(Error::Missing { .. }) => self.make(owner).await?,
            found => found?,
        };
        lock(&self.cache).insert(owner, key.clone());
        Ok(key)
    }

    /// Makes a key, unless somebody else just did.
    async fn make(&self, owner: Owner) -> Result<Key> {
        let wrapped = wrap(&self.master, owner, &Key::random()?)?;
        // Whether it was created now or was there: what lies there is the key.
        let _ = self.store.create(&path(owner), wrapped).await?;
        self.read(owner).await
    }

    /// A user is as destroyed as its tenant.
    async fn find(&self, owner: Owner) -> Result<Key> {
        if owner.is_user() {
            self.read(owner.tenant()).await?;
        }
        self.read(owner).await
    }

    async fn read(&self, owner: Owner) -> Result<Key> {
        let path = path(owner);
        let bytes = self.store.get(&path).await?.ok_or(Error::Missing { owner })?;
        match unwrap(&self.master, owner, &path, &bytes)? {
            Found::Key(key) => Ok(key),
            Found::Tombstone if owner.is_user() => Err(Error::UserDestroyed { owner }),
            Found::Tombstone => Err(Error::TenantDestroyed { owner }),
        }
    }

    /// The tombstone takes the place of the key first: from then on nothing brings it back. The rest is convenience.
    async fn destroy(&self, owner: Owner) -> Result<()> {
        self.store.replace(&path(owner), tombstone()).await?;
        let _ = self.store.create(&format!("{GONE}/{owner}"), tombstone()).await?;
        *lock(&self.destroyed) = None;
        lock(&self.cache).retain(|other| *other != owner && other.tenant() != owner);
        if !owner.is_user() {
            self.bury_users_of(owner).await?;
        }
        Ok(())
    }

    /// The keys of a destroyed tenant's users are of no use, but they need not lie there.
    async fn bury_users_of(&self, tenant: Owner) -> Result<()> {
        let own = path(tenant);
        for user in self.store.list(&format!("{RING}/{tenant}")).await? {
            if user != own {
                self.store.replace(&user, tombstone()).await?;
            }
        }
        Ok(())
    }

    /// What is destroyed, at most [`Limits::refresh_every`] old.
    async fn destroyed(&self) -> Result<Destroyed> {
        if let Some((destroyed, read_at)) = &*lock(&self.destroyed)
            && read_at.elapsed() < self.limits.refresh_every
        {
            return Ok(destroyed.clone());
        }
        let read_at = Instant::now();
        let files = self.store.list(GONE).await?;
        let owners = files.iter().filter_map(|file| file.strip_prefix(GONE)?.strip_prefix('/')?.parse().ok());
        let destroyed = Destroyed(Arc::new(owners.collect()));
        lock(&self.cache).retain(|owner| !destroyed.covers(*owner));
        *lock(&self.destroyed) = Some((destroyed.clone(), read_at));
        Ok(destroyed)
    }
}

fn gone(owner: Owner, destroyed: &Destroyed) -> Error {
    if destroyed.0.contains(&owner.tenant()) {
        return Error::TenantDestroyed { owner: owner.tenant() };
    }
    Error::UserDestroyed { owner }
}

fn path(owner: Owner) -> String {
    let tenant = owner.tenant();
    let name = owner.user_name().map_or_else(|| "key".to_owned(), const_hex::encode);
    format!("{RING}/{tenant}/{name}")
}

/// What is behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
