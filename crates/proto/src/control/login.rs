//! `login`: by password or by key.

use serde::{Deserialize, Serialize};

use crate::{DeviceKey, LoginNonce, Password, Signature};

/// `login`: proves who the device is. The session is then attached: it may issue commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Login {
    /// The name, as the person typed it.
    pub name: String,
    /// The proof that the device has this name.
    pub proof: LoginProof,
}

/// The proof of a device's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginProof {
    /// A password.
    Password(Password),
    /// A signature by the device's key.
    Key {
        /// The enrolled key.
        key: DeviceKey,
        /// By the key, over [`crate::signed::Channel::login`], or over
        /// [`crate::signed::login_by_nonce`] where there is a nonce.
        signature: Signature,
        /// The nonce of `login.nonce` that was signed. In a box, as most logins have none.
        nonce: Option<Box<LoginNonce>>,
    },
}

/// The parameters as they travel.
#[derive(Serialize, Deserialize)]
struct Parameters {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Password>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<DeviceKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Box<LoginNonce>>,
}

impl Login {
    /// A login by password.
    pub fn by_password(name: impl Into<String>, password: impl Into<Password>) -> Self {
        Login {
            name: name.into(),
            proof: LoginProof::Password(password.into()),
        }
    }

    /// A login by key.
    pub fn by_key(name: impl Into<String>, key: DeviceKey, signature: Signature) -> Self {
        Login {
            name: name.into(),
            proof: LoginProof::Key {
                key,
                signature,
                nonce: None,
            },
        }
    }

    /// A login by key with a nonce of the hub, for TLS libraries without an exporter.
    pub fn by_nonce(
        name: impl Into<String>,
        key: DeviceKey,
        signature: Signature,
        nonce: LoginNonce,
    ) -> Self {
        Login {
            name: name.into(),
            proof: LoginProof::Key {
                key,
                signature,
                nonce: Some(Box::new(nonce)),
            },
        }
    }
}

impl TryFrom<Parameters> for Login {
    type Error = &'static str;

    fn try_from(parameters: Parameters) -> Result<Self, Self::Error> {
        let Parameters {
            name,
            password,
            key,
            signature,
            nonce,
        } = parameters;
        match (password, key, signature, nonce) {
            (Some(password), None, None, None) => Ok(Login::by_password(name, password)),
            (None, Some(key), Some(signature), nonce) => Ok(Login {
                name,
                proof: LoginProof::Key {
                    key,
                    signature,
                    nonce,
                },
            }),
            _ => Err("a login takes either a password, or a key and a signature"),
        }
    }
}

impl From<Login> for Parameters {
    fn from(login: Login) -> Self {
        let (password, key, signature, nonce) = match login.proof {
            LoginProof::Password(password) => (Some(password), None, None, None),
            LoginProof::Key {
                key,
                signature,
                nonce,
            } => (None, Some(key), Some(signature), nonce),
        };
        Parameters {
            name: login.name,
            password,
            key,
            signature,
            nonce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_proof_and_not_two() {
        let key = DeviceKey::from_bytes([1; 32]);
        let signature = Signature::from_bytes([2; 64]);
        let nonce = LoginNonce::from_bytes([3; 32]);
        for login in [
            Login::by_password("cam", "secret"),
            Login::by_key("cam", key, signature.clone()),
            Login::by_nonce("cam", key, signature.clone(), nonce),
        ] {
            let text = serde_json::to_string(&login).unwrap();
            assert_eq!(serde_json::from_str::<Login>(&text).unwrap(), login);
        }
        for text in [
            r#"{"name":"cam"}"#.to_owned(),
            format!(r#"{{"name":"cam","key":"{key}"}}"#),
            format!(r#"{{"name":"cam","password":"x","nonce":"{nonce}"}}"#),
            format!(r#"{{"name":"cam","key":"{key}","nonce":"{nonce}"}}"#),
            format!(r#"{{"name":"cam","password":"x","key":"{key}","signature":"{signature}"}}"#),
        ] {
            let refused = serde_json::from_str::<Login>(&text).unwrap_err();
            assert!(refused.to_string().contains("either a password"), "{text}");
        }
    }
}
