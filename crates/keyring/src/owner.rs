//! How is the owner of a key named where others can read it?
//!
//! By the first 128 bits of an HMAC under a key that is derived from the master key: who has the names alone cannot try
//! which tenant or user they stand for.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::key::{Key, mac, short};

/// Bytes of a name.
const NAME: usize = 16;

/// A tenant, or one of its users, by a name that tells neither: 32 hex digits, and 32 more for a user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    pub(crate) tenant: [u8; NAME],
    pub(crate) user: Option<[u8; NAME]>,
}

impl Owner {
    /// The tenant alone.
    #[must_use]
    pub fn tenant(&self) -> Self {
        Self { user: None, ..*self }
    }

    /// Whether this is a user of a tenant.
    pub fn is_user(&self) -> bool {
        self.user.is_some()
    }

    /// The bytes of the user's name, for those who keep it in 16 bytes.
    pub fn user_name(&self) -> Option<[u8; 16]> {
        self.user
    }

    /// The user of this tenant that has a name.
    #[must_use]
    pub fn with_user_name(&self, user: [u8; 16]) -> Self {
        Self { user: Some(user), ..*self }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.tenant))?;
        self.user.map_or(Ok(()), |user| write!(f, ".{}", const_hex::encode(user)))
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an owner is named by 32 hex digits, and 32 more after a `.` for a user")]
pub struct NoOwner;

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let (tenant, user) = text.split_once('.').map_or((text, None), |(tenant, user)| (tenant, Some(user)));
        Ok(Self { tenant: name_of(tenant)?, user: user.map(name_of).transpose()? })
    }
}

fn name_of(text: &str) -> Result<[u8; NAME], NoOwner> {
    let lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * NAME || !text.as_bytes().iter().all(lower) {
        return Err(NoOwner);
    }
    let number = u128::from_str_radix(text, 16).map_err(|_| NoOwner)?;
    Ok(number.to_be_bytes())
}

/// What names owners.
#[derive(Clone)]
pub(crate) struct Names(Hmac<Sha256>);

impl Names {
    pub(crate) fn new(key: &Key) -> Self {
        Self(mac(&key.derive("names of owners")))
    }

    pub(crate) fn tenant(&self, tenant: &str) -> Owner {
        let mut mac = self.0.clone();
        mac.update(b"tenant");
        Owner { tenant: short(mac, tenant.as_bytes()), user: None }
    }

    pub(crate) fn user(&self, tenant: Owner, user: &str) -> Owner {
        let mut mac = self.0.clone();
        mac.update(b"user of");
        mac.update(&tenant.tenant);
        Owner { user: Some(short(mac, user.as_bytes())), ..tenant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let names = Names::new(&Key::random().unwrap());
        let tenant = names.tenant("acme");
        for owner in [tenant, names.user(tenant, "alice"), names.user(tenant, "")] {
            assert_eq!(owner.to_string().parse(), Ok(owner));
            assert_eq!(owner.tenant(), tenant);
        }
        for wrong in
            ["", "acme", &format!("{tenant}."), &tenant.to_string().to_uppercase(), &format!("+{tenant}")[..32]]
        {
            assert_eq!(wrong.parse::<Owner>(), Err(NoOwner), "{wrong}");
        }
    }

    #[test]
    fn names_are_those_of_one_master_and_tell_tenants_and_users_apart() {
        let (names, others) = (Names::new(&Key::random().unwrap()), Names::new(&Key::random().unwrap()));
        let (acme, globex) = (names.tenant("acme"), names.tenant("globex"));
        assert_eq!(acme, names.tenant("acme"));
        assert_ne!(acme, others.tenant("acme"));
        assert_ne!(names.user(acme, "alice").user, names.user(globex, "alice").user);
        assert_ne!(names.user(acme, "acme").user, Some(acme.tenant));
    }
}
