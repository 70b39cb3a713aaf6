//! A contender of the benchmark: the login with ureq and rustls. Prints the name of the service account.
//!
//! usage: rust_login SERVER_URL API_KEY_FILE
//!
//! SPDX-License-Identifier: Apache-2.0

use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// The JSON of a good reply.
fn body_of(mut reply: Response<Body>) -> Result<Value, Box<dyn Error>> {
    if reply.status() != 200 {
        return Err(format!("HTTP status {}", reply.status()).into());
    }
    Ok(serde_json::from_str(&reply.body_mut().read_to_string()?)?)
}

/// The name of the service account that the key belongs to.
fn login(server: &str, key: &str) -> Result<String, Box<dyn Error>> {
    // The certificate authorities of the system.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(Duration::from_secs(30)))
        .max_redirects(0)
        .build()
        .into();
    let token = body_of(agent.post(format!("{server}/api/v1/login")).send_form([("password", key)])?)?;
    if token["token_type"] != "bearer" {
        return Err("no bearer token".into());
    }
    let bearer = format!("Bearer {}", token["access_token"].as_str().ok_or("no token")?);
    let account = body_of(agent.get(format!("{server}/api/v1/current-user")).header("Authorization", bearer).call()?)?;
    if account["body"]["active"] != true || account["body"]["is_service_account"] != true {
        return Err("not an active service account".into());
    }
    Ok(account["name"].as_str().ok_or("no name")?.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let key = std::fs::read_to_string(&words[2])?;
    println!("{}", login(&words[1], key.trim())?);
    Ok(())
}
