//! Where the master key comes from.

use tidegate_keyring::MasterKey;

#[test]
fn it_is_64_hex_digits_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    assert_eq!(MasterKey::from_file(&path).unwrap_err().code(), "TG720");
    std::fs::write(&path, format!(" {}\n", "aB".repeat(32))).unwrap();
    let shown = format!("{:?}", MasterKey::from_file(&path).unwrap());
    assert!(shown.starts_with("MasterKey(") && !shown.contains("abab"), "{shown}");
    for wrong in ["", "ab", &"ab".repeat(33), &"zz".repeat(32)] {
        std::fs::write(&path, wrong).unwrap();
        let error = MasterKey::from_file(&path).unwrap_err();
        assert!(error.to_string().contains("master.key") && error.to_string().contains("openssl"), "{error}");
    }
    assert_eq!(MasterKey::from_env("TIDEGATE_NO_SUCH_KEY").unwrap_err().code(), "TG720");
}
