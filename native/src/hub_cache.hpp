#pragma once

#include <filesystem>

namespace oft {

/// The path of a model or an adapter on this machine. A path that exists is returned as it is.
/// Another one is read as a name on the Hugging Face hub, `org/name[@revision][/subfolder]`, and
/// looked up in the caches that huggingface_hub fills, in this order: `$HF_HUB_CACHE`,
/// `$HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub`, `${XDG_CACHE_HOME:-~/.cache}/huggingface/hub`. There
/// `models--org--name` holds `refs` (commits by branch and tag), `snapshots` (folders by commit)
/// and the `blobs` that the files of a snapshot are links to. Without a revision that is `main`, or
/// else the only snapshot; a revision is a branch, a tag or the beginning of a commit's hash.
/// Nothing is ever downloaded.
/// Throws Error(kNotFound) naming both readings and every place looked at, Error(kInvalidArgument)
/// where several snapshots could be meant, Error(kIo) where the path cannot be looked at.
std::filesystem::path local_model_path(const std::filesystem::path& path);

}  // namespace oft
