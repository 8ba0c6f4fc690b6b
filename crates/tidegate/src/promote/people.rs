//! Who may act, and by which key are they known?
//!
//! `people.toml` in the project's folder lists names, roles and public keys. Private keys stay with the people.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Deserialize;
use tidegate_audit::{Keyring, PrivateKey, PublicKey};

use crate::failure::{Failure, Result};

const FILE: &str = "people.toml";

/// Everybody who may act.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roster {
    #[serde(default)]
    person: Vec<Listed>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
    /// Acts no more; what they signed stays theirs.
    #[serde(default)]
    retired: bool,
    public_key: String,
}

/// Somebody who acts.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) key: PrivateKey,
}

fn roster(project: &Path) -> Result<Vec<(Listed, PublicKey)>> {
    let path = project.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", path.display(), &error)),
    };
    let invalid = |cause: String| {
        let fix = "write [[person]] with name, roles and public_key, or use `tidegate promote enroll`";
        Failure::usage("TG673", format!("{}: {cause}", path.display()), fix)
    };
    let roster = toml::from_str::<Roster>(&text).map_err(|error| invalid(error.message().to_owned()))?;
    let people = roster.person.into_iter().map(|listed| {
        let key =
            PublicKey::from_pem(&listed.public_key).map_err(|error| invalid(format!("{}: {error}", listed.name)))?;
        Ok((listed, key))
    });
    people.collect()
}

/// Whose signatures count, and which roles each has.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) keys: Keyring,
    roles: BTreeMap<String, Vec<String>>,
}

impl People {
    pub(crate) fn of(project: &Path) -> Result<Self> {
        let mut people = Self::default();
        for (listed, key) in roster(project)? {
            people.keys.add(listed.name.clone(), key)?;
            people.roles.insert(listed.name, listed.roles);
        }
        Ok(people)
    }

    /// Whether somebody has all of these roles.
    pub(crate) fn have(&self, name: &str, roles: &[String]) -> bool {
        self.roles.get(name).is_some_and(|known| roles.iter().all(|role| known.contains(role)))
    }
}

impl Person {
    /// Whose private key this is.
    pub(crate) fn of(project: &Path, key: Option<&Path>) -> Result<Self> {
        let Some(path) = key else {
            let fix =
                "give --key FILE or set TIDEGATE_SIGNING_KEY; `tidegate promote enroll NAME --key FILE` makes one";
            return Err(Failure::usage("TG673", "nobody is named who acts, and every act is signed", fix));
        };
        let key = PrivateKey::read(path)?;
        let public = key.public();
        let known = roster(project)?.into_iter().find(|(_, known)| *known == public);
        let Some((listed, _)) = known else {
            let cause = format!("{} is the key of nobody in {FILE}", path.display());
            return Err(Failure::usage("TG673", cause, "add the public key there, or use another key"));
        };
        if listed.retired {
            let cause = format!("{} is retired in {FILE}", listed.name);
            return Err(Failure::usage("TG673", cause, "have somebody else act"));
        }
        Ok(Self { name: listed.name, roles: listed.roles, key })
    }
}

/// Makes a key for somebody and adds them to the project's people.
pub(crate) fn enroll(project: &Path, name: &str, roles: &[String], key: &Path) -> Result<()> {
    let is_plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'))
    };
    if let Some(bad) = std::iter::once(name).chain(roles.iter().map(String::as_str)).find(|text| !is_plain(text)) {
        return Err(Failure::usage("TG673", format!("`{bad}` is no name"), "use letters, digits and any of - _ . @"));
    }
    if roster(project)?.iter().any(|(listed, _)| listed.name == name) {
        return Err(Failure::usage("TG673", format!("{name} is in {FILE} already"), "choose another name"));
    }
    if key.exists() {
        let cause = format!("{} is there already", key.display());
        return Err(Failure::usage("TG673", cause, "choose another file for the key with --key"));
    }
    let private = PrivateKey::generate()?;
    private.create(key)?;
    let roles = roles.iter().map(|role| format!("{role:?}")).collect::<Vec<_>>().join(", ");
    let public = private.public().to_pem()?;
    let text = format!("[[person]]\nname = {name:?}\nroles = [{roles}]\npublic_key = \"\"\"\n{public}\"\"\"\n\n");
    let path = project.join(FILE);
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::io("write", path.display(), &error))
}
