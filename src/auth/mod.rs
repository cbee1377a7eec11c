//! What is fetched over ordinary HTTP to be let in: tokens, one at a time for each module, outside any
//! measurement on a thread of their own.

pub mod client;
mod grant;
mod life;
pub mod moment;
mod pause;
pub mod source;
pub mod token;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::auth::source::Source;
use crate::target::module::Module;

/// The tokens of all modules, by their names.
#[derive(Debug, Default)]
pub struct Tokens {
    /// There since the first module asked for tokens.
    thread: Option<Fetching>,
    sources: HashMap<String, Arc<Source>>,
}

/// The thread that fetches. It ends when this is dropped.
#[derive(Debug)]
struct Fetching {
    runtime: Handle,
    _end: oneshot::Sender<()>,
}

impl Fetching {
    /// A thread of its own, as what it computes for TLS would hold up probes, and a look-up that hangs
    /// the end of their runtime.
    fn start() -> io::Result<Self> {
        let fetching = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let runtime = fetching.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let fetch = move || {
            // Nothing is ever sent.
            fetching.block_on(ended).ok();
            fetching.shutdown_background();
        };
        let thread = thread::Builder::new().name("fetching".to_owned());
        thread.spawn(fetch)?;
        Ok(Self { runtime, _end: end })
    }
}

impl Tokens {
    /// Takes these modules as all that need tokens, each with whether its token is to be there before
    /// anybody asks for it; of one that comes twice the first counts. One whose tokens are for the same
    /// as before keeps the one that is there until there is one by other settings.
    pub fn reconcile<'m>(&mut self, modules: impl IntoIterator<Item = (&'m Arc<Module>, bool)>) {
        let mut before = std::mem::take(&mut self.sources);
        for (module, is_kept) in modules {
            let Some(settings) = module.oauth2() else {
                continue;
            };
            let name = &module.name;
            if self.sources.contains_key(name) {
                continue;
            }
            let stays = before.remove(name).filter(|source| source.go_on(settings));
            match stays {
                Some(source) => {
                    source.keep(is_kept);
                    self.sources.insert(name.clone(), source);
                }
                None => match self.runtime() {
                    Ok(runtime) => {
                        let source = Source::new(name, settings.clone(), is_kept, &runtime);
                        self.sources.insert(name.clone(), Arc::new(source));
                    }
                    Err(error) => {
                        tracing::error!(module = name, %error, "no thread to fetch tokens on");
                    }
                },
            }
        }
    }

    /// Has the tokens of the modules of which `is_kept` holds there before anybody asks for them.
    pub fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        for (module, source) in &self.sources {
            source.keep(is_kept(module));
        }
    }

    /// The tokens of a module; none if it needs none.
    pub fn of(&self, module: &Module) -> Option<Arc<Source>> {
        self.sources.get(&module.name).cloned()
    }

    fn runtime(&mut self) -> io::Result<Handle> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Fetching::start()?,
        };
        let runtime = thread.runtime.clone();
        self.thread = Some(thread);
        Ok(runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::address::TargetUrl;
    use crate::target::credentials::Credentials;
    use crate::target::oauth2::OAuth2;
    use crate::target::reach::Reach;
    use crate::target::tls::TlsSettings;

    fn module(secret: &str) -> Arc<Module> {
        let oauth2 = OAuth2 {
            client_id: "me".to_owned(),
            client_secret: secret.as_bytes().to_vec().into(),
            scopes: Vec::new(),
            token_url: TargetUrl::loopback(),
            endpoint_params: Vec::new(),
            tls: TlsSettings::default(),
            proxy: None,
            user_agent: None,
            reach: Reach::default(),
        };
        Arc::new(Module {
            credentials: Some(Credentials::OAuth2(Arc::new(oauth2))),
            ..Module::http_2xx()
        })
    }

    /// The file of the secret may have changed since the configuration was read.
    #[test]
    fn a_source_stays_as_long_as_its_tokens_are_for_the_same() {
        let mut tokens = Tokens::default();
        let (one, two) = (module("one"), module("two"));
        let without = Arc::new(Module {
            name: "without".to_owned(),
            ..Module::http_2xx()
        });
        let mut source_of = |module: &Arc<Module>| {
            tokens.reconcile([(module, false), (&without, true)]);
            tokens.of(module).expect("it has tokens")
        };
        let first = source_of(&one);
        first.change(two.oauth2().expect("its settings"));
        for module in [&one, &two, &module("two")] {
            assert!(Arc::ptr_eq(&source_of(module), &first));
        }
        assert!(Arc::ptr_eq(&source_of(&one), &first), "another secret");
        let mut other = OAuth2::clone(one.oauth2().expect("its settings"));
        other.scopes.push("more".to_owned());
        let other = Arc::new(Module {
            credentials: Some(Credentials::OAuth2(Arc::new(other))),
            ..Module::http_2xx()
        });
        assert!(!Arc::ptr_eq(&source_of(&other), &first), "another scope");
    }
}
