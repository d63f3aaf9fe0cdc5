//! Where in a pickle's nested dictionaries the weights are, and which of them are a moving average.

use super::pickle::{Arena, Parsed, Pickle, Value, shown};

/// Names under which training scripts keep the weights.
const RAW: [&str; 11] = [
    "state_dict",
    "model_state_dict",
    "model",
    "online_model",
    "net",
    "network",
    "unet",
    "params",
    "weights",
    "module",
    "diffusion",
];
/// Names under which they keep the weights' moving average.
const AVERAGED: [&str; 8] = [
    "ema",
    "ema_model",
    "ema_state_dict",
    "ema_model_state_dict",
    "model_ema",
    "params_ema",
    "ema_params",
    "shadow_params",
];
/// What wrappers put before every name.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "model."];
/// How deep dictionaries are looked into.
const MAX_DEPTH: usize = 4;

/// Tensors by name: names, and numbers in the arena.
pub type Named = Vec<(String, usize)>;

/// The weights of a pickle, and their moving average if it has one beside them.
///
/// # Errors
/// When it holds no dictionary of tensors, or two tensors of one name.
pub fn find(pickle: &Pickle) -> Parsed<(Named, Named)> {
    let arena = &pickle.arena;
    let Value::Dict(root) = pickle.root else { return Err("it holds no dictionary of tensors".into()) };
    let averaged = below(arena, root, &AVERAGED, 0).unwrap_or_default();
    let raw = below(arena, root, &RAW, 0).or_else(|| own_tensors(arena, root)).or_else(|| only_one(arena, root));
    let (mut raw, mut averaged) = match raw {
        Some(raw) => (raw, averaged),
        None if !averaged.is_empty() => (averaged, Named::new()),
        None => return Err(format!("it holds no tensors by name, only {}", keys(arena, root))),
    };
    if averaged.is_empty() {
        averaged = with_prefix(&raw, "ema_model.");
        let online = with_prefix(&raw, "online_model.");
        if !averaged.is_empty() {
            raw = if online.is_empty() { averaged.clone() } else { online };
        }
    }
    Ok((unwrapped(raw)?, unwrapped(averaged)?))
}

/// The tensors of the dictionary under the first of `names` that has some, at any depth.
fn below(arena: &Arena, dict: usize, names: &[&str], depth: usize) -> Option<Named> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let inner = names.iter().find_map(|name| {
        entries(arena, dict).find_map(|(key, value)| match value {
            Value::Dict(inner) if key == *name => Some(inner),
            _ => None,
        })
    })?;
    let deeper = below(arena, inner, &RAW, depth + 1).or_else(|| below(arena, inner, &AVERAGED, depth + 1));
    deeper.or_else(|| own_tensors(arena, inner))
}

/// The tensors that stand in the dictionary itself.
fn own_tensors(arena: &Arena, dict: usize) -> Option<Named> {
    let tensors: Named = entries(arena, dict)
        .filter_map(|(key, value)| match value {
            Value::Tensor(tensor) => Some((key.to_owned(), tensor)),
            _ => None,
        })
        .collect();
    (!tensors.is_empty()).then_some(tensors)
}

/// The tensors of the only dictionary in the dictionary that has some.
fn only_one(arena: &Arena, dict: usize) -> Option<Named> {
    let mut found = entries(arena, dict).filter_map(|(_, value)| match value {
        Value::Dict(inner) => own_tensors(arena, inner),
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

fn entries<'a>(arena: &'a Arena, dict: usize) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    arena.sequences[dict].chunks_exact(2).filter_map(|entry| match entry {
        [Value::Text(key), value] => Some((*key, *value)),
        _ => None,
    })
}

fn keys(arena: &Arena, dict: usize) -> String {
    let names: Vec<_> = entries(arena, dict).take(3).map(|(key, _)| shown(key)).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

fn with_prefix(named: &Named, prefix: &str) -> Named {
    named.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), *tensor))).collect()
}

/// Without what a wrapper put before every name; a name that comes twice is refused.
fn unwrapped(mut named: Named) -> Parsed<Named> {
    while let Some(wrapper) =
        WRAPPERS.iter().find(|wrapper| !named.is_empty() && named.iter().all(|(name, _)| name.starts_with(**wrapper)))
    {
        named = with_prefix(&named, wrapper);
    }
    let mut names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("it holds two tensors named {}", shown(pair[0]))),
        None => Ok(named),
    }
}
