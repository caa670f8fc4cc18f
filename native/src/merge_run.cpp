#include "merge_run.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>

#include "dtypes.hpp"
#include "files.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"

namespace oft {
namespace {

// Rotated pieces stay in the second-level cache between read, rotation and write.
constexpr std::int64_t kPieceBytes = 512 << 10;
constexpr std::uint64_t kCopyBytes = 8 << 20;
constexpr auto kProgressInterval = std::chrono::milliseconds(25);

/// One tensor on its way, shared by the workers that hold pieces of it.
class TensorJob {
 public:
  TensorJob(const MergePlan& plan, const Checkpoint& base, const PlannedTensor& tensor,
            SafetensorsWriter& writer, std::size_t index)
      : plan_(plan), base_(base), tensor_(tensor), writer_(writer), index_(index) {
    const std::string what = "tensor '" + tensor.target.name + "'";
    target_type_ = scalar_type(tensor.target.dtype, what);
    source_type_ = tensor.replacement.defined() ? tensor.replacement.scalar_type()
                                                : scalar_type(tensor.source->entry->dtype, what);
    const auto& shape = tensor.target.shape;
    rows_ = shape.empty() ? 1 : shape[0];
    row_elements_ = rows_ == 0 ? 0 : tensor.target.numel() / rows_;
  }

  bool is_copy() const {
    return !is_rotated() && !tensor_.replacement.defined() && source_type_ == target_type_;
  }
  std::uint64_t bytes() const { return writer_.entries()[index_].bytes(); }

  /// How many rows make a piece.
  std::int64_t piece_rows() const {
    const std::int64_t granularity =
        is_rotated() ? WeightRotation::row_granularity(layer().kind, rotations()) : 1;
    const auto size = static_cast<std::int64_t>(
        std::max(c10::elementSize(source_type_), c10::elementSize(target_type_)));
    const std::int64_t fit = kPieceBytes / std::max<std::int64_t>(1, row_elements_ * size);
    return std::max<std::int64_t>(1, fit / granularity) * granularity;
  }

  std::int64_t rows() const { return rows_; }

  void copy(std::uint64_t offset, std::uint64_t size) {
    const SafetensorsFile& file = base_.files()[tensor_.source->file];
    writer_.copy(index_, offset, file.descriptor(),
                 file.data_offset() + tensor_.source->entry->begin + offset, size);
  }

  void transform(std::int64_t first_row, std::int64_t rows, bool safe, std::vector<char>& buffer) {
    const std::int64_t elements = rows * row_elements_;
    at::Tensor piece = read(first_row, rows, buffer);
    if (is_rotated()) {
      if (source_type_ == target_type_ && !tensor_.replacement.defined())
        rotation().run(first_row, rows, buffer.data(), buffer.data());
      else
        piece = rotation().rotate(first_row, piece);
    }
    piece = piece.to(target_type_).contiguous();
    if (is_rotated() && safe &&
        !WeightRotation::all_finite(piece.const_data_ptr(), elements, target_type_))
      throw Error(Status::kInvalidArgument,
                  "layer '" + layer().name + "': the merged weight is not finite in rows " +
                      std::to_string(first_row) + " to " + std::to_string(first_row + rows - 1) +
                      "; the base weight, the adapter or the range of " + torch_name(target_type_) +
                      " is to blame");
    const std::size_t row_bytes = static_cast<std::size_t>(row_elements_) * piece.element_size();
    writer_.write(index_, static_cast<std::uint64_t>(first_row) * row_bytes, piece.const_data_ptr(),
                  static_cast<std::size_t>(rows) * row_bytes);
  }

  bool is_rotated() const { return tensor_.layer != PlannedTensor::kNoLayer; }
  std::size_t layer_index() const { return tensor_.layer; }
  /// Known once a piece has been transformed.
  const RotationQuality& quality() const { return quality_; }

  void expect_pieces(std::int64_t count) { remaining_ = count; }

  /// Lets go of the rotation once the last piece is done.
  void finish_piece() {
    if (remaining_.fetch_sub(1) == 1) rotation_.reset();
  }

 private:
  const PlannedLayer& layer() const { return plan_.layers[tensor_.layer]; }

  std::vector<Rotation> rotations() const {
    return plan_.rotations(layer(), rotated_features(layer().kind, tensor_.target.shape));
  }

  const WeightRotation& rotation() {
    std::call_once(prepared_, [&] {
      // Where the type changes, the rotation runs on what was read and is rounded once, at the end.
      const std::vector<Rotation> parts = rotations();
      rotation_ =
          std::make_unique<WeightRotation>(layer().kind, tensor_.target.shape, source_type_, parts);
      for (const Rotation& part : parts) {
        quality_.orthogonality_error =
            std::max(quality_.orthogonality_error, part.orthogonality_error());
        quality_.largest_angle = std::max(quality_.largest_angle, part.largest_angle());
      }
    });
    return *rotation_;
  }

  at::Tensor read(std::int64_t first_row, std::int64_t rows, std::vector<char>& buffer) const {
    if (tensor_.replacement.defined())
      return tensor_.replacement.reshape({rows_, row_elements_}).narrow(0, first_row, rows);
    const std::size_t row_bytes =
        static_cast<std::size_t>(row_elements_) * c10::elementSize(source_type_);
    buffer.resize(static_cast<std::size_t>(rows) * row_bytes);
    base_.files()[tensor_.source->file].read(*tensor_.source->entry,
                                             static_cast<std::uint64_t>(first_row) * row_bytes,
                                             buffer.size(), buffer.data());
    return at::from_blob(buffer.data(), {rows, row_elements_},
                         at::TensorOptions().dtype(source_type_));
  }

  const MergePlan& plan_;
  const Checkpoint& base_;
  const PlannedTensor& tensor_;
  SafetensorsWriter& writer_;
  std::size_t index_;
  at::ScalarType source_type_;
  at::ScalarType target_type_;
  std::int64_t rows_ = 0;
  std::int64_t row_elements_ = 0;
  std::once_flag prepared_;
  std::unique_ptr<WeightRotation> rotation_;
  RotationQuality quality_;
  std::atomic<std::int64_t> remaining_{0};
};

/// A unit of work: bytes to copy, rows to transform, or a companion file.
struct Piece {
  TensorJob* job;
  std::size_t companion;
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t bytes;
};

std::vector<Piece> cut(std::vector<std::unique_ptr<TensorJob>>& jobs,
                       const std::vector<CompanionFile>& companions) {
  std::vector<Piece> pieces;
  for (auto& job : jobs) {
    const bool copied = job->is_copy();
    const std::uint64_t end = copied ? job->bytes() : static_cast<std::uint64_t>(job->rows());
    if (end == 0 || job->bytes() == 0) continue;
    const std::uint64_t step = copied ? kCopyBytes : static_cast<std::uint64_t>(job->piece_rows());
    const std::uint64_t unit = copied ? 1 : job->bytes() / end;
    const std::size_t first = pieces.size();
    for (std::uint64_t at = 0; at < end; at += step) {
      const std::uint64_t stop = std::min(end, at + step);
      pieces.push_back({job.get(), 0, at, stop, (stop - at) * unit});
    }
    job->expect_pieces(static_cast<std::int64_t>(pieces.size() - first));
  }
  for (std::size_t i = 0; i < companions.size(); ++i)
    pieces.push_back({nullptr, i, 0, 0, std::filesystem::file_size(companions[i].source)});
  return pieces;
}

void copy_file(const CompanionFile& file, std::uint64_t size) {
  const FileDescriptor source(open_for_reading(file.source));
  AtomicFile target(file.target);
  target.copy_at(0, source.get(), 0, size);
  target.commit(/*sync=*/false);
}

/// Takes pieces in order, on the threads of libtorch's pool, until none is left or one fails.
class Workers {
 public:
  Workers(std::vector<Piece> pieces, const std::vector<CompanionFile>& companions, bool safe,
          const ProgressFunction& progress)
      : pieces_(std::move(pieces)), companions_(companions), safe_(safe), progress_(progress) {
    for (const Piece& piece : pieces_) total_ += piece.bytes;
  }

  std::uint64_t run(int threads) {
    // Libtorch's own parallel loops run single-threaded inside of this one.
    at::parallel_for(0, threads, 1, [this](std::int64_t begin, std::int64_t) { work(begin == 0); });
    if (failure_) std::rethrow_exception(failure_);
    report();
    return total_;
  }

 private:
  void work(bool reports) {
    std::vector<char> buffer;
    auto reported = std::chrono::steady_clock::now();
    try {
      for (std::size_t index; !stop_ && (index = next_.fetch_add(1)) < pieces_.size();) {
        run(pieces_[index], buffer);
        done_ += pieces_[index].bytes;
        const auto now = std::chrono::steady_clock::now();
        if (!reports || now - reported < kProgressInterval) continue;
        reported = now;
        report();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop_ = true;
    }
  }

  void run(const Piece& piece, std::vector<char>& buffer) const {
    if (piece.job == nullptr) return copy_file(companions_[piece.companion], piece.bytes);
    if (piece.job->is_copy())
      piece.job->copy(piece.begin, piece.end - piece.begin);
    else
      piece.job->transform(static_cast<std::int64_t>(piece.begin),
                           static_cast<std::int64_t>(piece.end - piece.begin), safe_, buffer);
    piece.job->finish_piece();
  }

  /// On the caller's thread only.
  void report() const {
    if (progress_ && !progress_({done_, total_}))
      throw Error(Status::kCancelled, "the merge was cancelled; nothing was written");
  }

  std::vector<Piece> pieces_;
  const std::vector<CompanionFile>& companions_;
  bool safe_;
  const ProgressFunction& progress_;
  std::uint64_t total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

MergeTotals run_merge(const MergePlan& plan, const Checkpoint& base, MergeOutput& output,
                      const CheckpointMergeOptions& options, const ProgressFunction& progress) {
  std::vector<std::unique_ptr<TensorJob>> jobs;
  for (std::size_t i = 0; i < plan.files.size(); ++i)
    for (std::size_t t = 0; t < plan.files[i].tensors.size(); ++t)
      jobs.push_back(
          std::make_unique<TensorJob>(plan, base, plan.files[i].tensors[t], output.writers[i], t));
  const int most = at::get_num_threads();
  const int threads = options.threads > 0 ? std::min(options.threads, most) : most;
  MergeTotals totals;
  totals.layers.resize(plan.layers.size());
  totals.bytes_written =
      Workers(cut(jobs, output.companions), output.companions, options.safe, progress).run(threads);
  for (const auto& job : jobs)
    if (job->is_rotated()) totals.layers[job->layer_index()] = job->quality();
  return totals;
}

}  // namespace oft
