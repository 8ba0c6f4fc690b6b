//! Keys that are given by hand.

use tidegate_keyring::{Error, Keyring};

use crate::{mark, tenant_mark, user_mark};

fn table() -> String {
    format!("acme = \"{}\"\n\"globex inc\" = \"{}\" # a comment\n", "ab".repeat(32), "CD".repeat(32))
}

#[tokio::test]
async fn tenants_have_the_keys_of_the_table_and_others_none() {
    let (one, two) = (Keyring::fixed(&table()).unwrap(), Keyring::fixed(&table()).unwrap());
    assert_eq!(tenant_mark(&one, "acme").await, tenant_mark(&two, "acme").await);
    assert_ne!(tenant_mark(&one, "acme").await, tenant_mark(&one, "globex inc").await);
    assert_eq!(user_mark(&one, "acme", "u").await, user_mark(&two, "acme", "u").await);
    assert_ne!(user_mark(&one, "acme", "u").await, user_mark(&one, "acme", "v").await);
    assert_ne!(user_mark(&one, "acme", "u").await, tenant_mark(&one, "acme").await);
    let owner = one.owner("acme").unwrap();
    assert_eq!(mark(&one.find(owner).await.unwrap()), tenant_mark(&one, "acme").await);

    let error = one.owner("umbrella").unwrap_err();
    assert!(matches!(error, Error::NotGiven), "{error}");
    for error in [one.destroy("acme").await, one.destroy_user("acme", "u").await] {
        assert_eq!(error.unwrap_err().code(), "TG726");
    }
    assert!(one.erased_users(owner).await.unwrap().is_none() && !one.destroyed().await.unwrap().covers(owner));
}

#[test]
fn a_table_that_is_none_is_refused_without_showing_it() {
    for wrong in ["acme", "acme = \"secret\"", "acme = 5", "= \"secret\"", "[acme]\nkey = \"secret\""] {
        let error = Keyring::fixed(wrong).unwrap_err();
        assert_eq!(error.code(), "TG720");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret") && !shown.contains("acme"), "{shown}");
    }
}
