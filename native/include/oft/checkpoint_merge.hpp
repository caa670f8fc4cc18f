#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oft/export.hpp"

namespace oft {

/// How far a job is. Called on the thread that runs it, at most every few milliseconds; false
/// cancels: Error(kCancelled), nothing is left behind.
struct Progress {
  std::uint64_t done;   ///< bytes written
  std::uint64_t total;  ///< bytes to write
};
using ProgressFunction = std::function<bool(const Progress&)>;

struct OFT_EXPORT CheckpointMergeOptions {
  bool safe = false;    ///< refuse results that are not finite
  bool force = false;   ///< go on past layers without base weight, unused keys, existing targets
  bool verify = false;  ///< recompute a sample of the layers in float64 and compare
  bool sync = true;     ///< fsync before the rename
  std::optional<c10::ScalarType> dtype =
      std::nullopt;                  ///< of all floating-point tensors written; else unchanged
  c10::Device device = c10::kCPU;    ///< where weights are rotated
  int threads = 0;                   ///< 0, or too many: as many as libtorch has
  std::uint64_t max_shard_size = 0;  ///< bytes of a shard; 0: the shards of the base

  /// Reads {"safe", "force", "verify", "sync", "dtype", "device", "threads", "max_shard_size"}.
  /// Throws Error(kParse), Error(kInvalidArgument) naming key, value and remedy, Error(kDevice)
  /// where the device is absent.
  static CheckpointMergeOptions from_json(std::string_view json);
};

struct MergedLayer {
  std::string name;       ///< module path in its model
  std::string component;  ///< of the pipeline; empty where the base is a model of its own
  std::string kind;
  std::vector<std::int64_t> shape;
  std::string dtype;
  std::int64_t block_size = 0;
  std::int64_t blocks = 0;
  double orthogonality_error = 0;      ///< worst ||R^T R - I||_F of its blocks and adapters
  double largest_angle = 0;            ///< radians
  std::optional<double> verify_error;  ///< max |merged - float64| / max |float64|, where verified
};

struct OFT_EXPORT MergeReport {
  std::vector<MergedLayer> layers;
  double orthogonality_error = 0;     ///< worst of all layers
  double largest_angle = 0;           ///< of all layers, radians
  std::vector<std::string> replaced;  ///< parameters taken from an adapter as they are
  std::vector<std::string> warnings;
  std::vector<std::string> files;  ///< weight files written
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  double seconds = 0;
  double verify_tolerance = 0;  ///< the largest of the layers: it depends on dtype and block size
  bool verified = false;  ///< true where verification ran and every sample was within tolerance

  std::string to_json() const;
};

/// Merges adapters into the weights of a checkpoint without a model: tensors stream through a few
/// buffers, those that no adapter touches are copied by the kernel. The target appears whole or
/// not at all.
///
/// The base is a `.safetensors` file, a folder with a model, or a diffusers pipeline, whose
/// components (`text_encoder`, `unet`, ...) are all merged in one run. Base and adapters may also
/// be names of models in the local Hugging Face cache, `org/name[@revision]`; nothing is
/// downloaded.
class OFT_EXPORT CheckpointMerge {
 public:
  explicit CheckpointMerge(std::filesystem::path base);

  /// Adds an adapter for a component of a pipeline, by its folder's name; empty: for the one that
  /// has a weight for every layer. Several for one model apply in the order of a forward.
  CheckpointMerge& adapter(std::filesystem::path path, std::string component = "");
  CheckpointMerge& options(CheckpointMergeOptions options);
  CheckpointMerge& progress(ProgressFunction progress);

  /// Writes a file where the base is a file, else a folder with everything else of the base's
  /// folder beside the weights. Throws Error of every category; see the messages.
  MergeReport write_to(const std::filesystem::path& target) const;

 private:
  struct Adapter {
    std::filesystem::path path;
    std::string component;
  };

  std::filesystem::path base_;
  std::vector<Adapter> adapters_;
  CheckpointMergeOptions options_;
  ProgressFunction progress_;
};

}  // namespace oft
