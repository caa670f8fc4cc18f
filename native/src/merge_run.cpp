#include "merge_run.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>

#include "devices.hpp"
#include "files.hpp"
#include "oft/error.hpp"
#include "tensor_job.hpp"

namespace oft {
namespace {

constexpr std::uint64_t kCopyBytes = 8 << 20;
constexpr auto kProgressInterval = std::chrono::milliseconds(25);

/// A unit of work.
struct Piece {
  enum class Kind {
    kPrepare,    ///< the rotation of `job`
    kCopy,       ///< bytes [begin, end) of `job`
    kTransform,  ///< rows [begin, end) of `job`
    kCompanion,  ///< the companion file number `begin`
  };
  Kind kind;
  TensorJob* job;
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t bytes;  ///< that it writes
};

using Jobs = std::vector<std::unique_ptr<TensorJob>>;

void cut(TensorJob& job, std::vector<Piece>& pieces) {
  const bool copied = job.is_copy();
  const std::uint64_t end = copied ? job.bytes() : static_cast<std::uint64_t>(job.rows());
  const std::uint64_t step = copied ? kCopyBytes : static_cast<std::uint64_t>(job.piece_rows());
  const std::uint64_t unit = copied ? 1 : job.bytes() / end;
  const auto kind = copied ? Piece::Kind::kCopy : Piece::Kind::kTransform;
  for (std::uint64_t at = 0; at < end; at += step) {
    const std::uint64_t stop = std::min(end, at + step);
    pieces.push_back({kind, &job, at, stop, (stop - at) * unit});
  }
  // The preparation counts: it may come to an end after the last row is done.
  job.expect_pieces(static_cast<std::int64_t>((end + step - 1) / step) +
                    (job.is_rotated() ? 1 : 0));
}

/// All work in order. A rotation is prepared while the layer before is still being rotated, so
/// that no thread waits for it.
std::vector<Piece> cut(const Jobs& jobs, const std::vector<CompanionFile>& companions) {
  std::vector<Piece> pieces;
  std::vector<Piece> waiting;  // the pieces of the last tensor
  for (const auto& job : jobs) {
    if (job->bytes() == 0) continue;
    if (job->is_rotated()) pieces.push_back({Piece::Kind::kPrepare, job.get(), 0, 0, 0});
    pieces.insert(pieces.end(), waiting.begin(), waiting.end());
    waiting.clear();
    cut(*job, waiting);
  }
  pieces.insert(pieces.end(), waiting.begin(), waiting.end());
  for (std::size_t i = 0; i < companions.size(); ++i)
    pieces.push_back({Piece::Kind::kCompanion, nullptr, i, i + 1,
                      std::filesystem::file_size(companions[i].source)});
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
  Workers(std::vector<Piece> pieces, const std::vector<CompanionFile>& companions,
          const CheckpointMergeOptions& options, const ProgressFunction& progress)
      : pieces_(std::move(pieces)),
        companions_(companions),
        safe_(options.safe),
        device_(options.device),
        progress_(progress) {
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
      const OwnStream stream(device_);
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
    switch (piece.kind) {
      case Piece::Kind::kPrepare:
        piece.job->prepare();
        return piece.job->finish_piece();
      case Piece::Kind::kCopy:
        piece.job->copy(piece.begin, piece.end - piece.begin);
        return piece.job->finish_piece();
      case Piece::Kind::kTransform:
        piece.job->transform(static_cast<std::int64_t>(piece.begin),
                             static_cast<std::int64_t>(piece.end - piece.begin), safe_, buffer);
        return piece.job->finish_piece();
      case Piece::Kind::kCompanion:
        return copy_file(companions_[piece.begin], piece.bytes);
    }
  }

  /// On the caller's thread only.
  void report() const {
    if (progress_ && !progress_({done_, total_}))
      throw Error(Status::kCancelled, "the merge was cancelled; nothing was written");
  }

  std::vector<Piece> pieces_;
  const std::vector<CompanionFile>& companions_;
  bool safe_;
  c10::Device device_;
  const ProgressFunction& progress_;
  std::uint64_t total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::uint64_t run_merge(std::deque<MergePart>& parts, const std::vector<CompanionFile>& companions,
                        const CheckpointMergeOptions& options, const ProgressFunction& progress) {
  Jobs jobs;
  for (MergePart& part : parts)
    for (std::size_t i = 0; i < part.plan().files.size(); ++i)
      for (std::size_t t = 0; t < part.plan().files[i].tensors.size(); ++t)
        jobs.push_back(std::make_unique<TensorJob>(part.plan(), part.base(),
                                                   part.plan().files[i].tensors[t],
                                                   part.writers()[i], t, options.device));
  const int most = at::get_num_threads();
  const int threads = options.threads > 0 ? std::min(options.threads, most) : most;
  const std::uint64_t bytes =
      Workers(cut(jobs, companions), companions, options, progress).run(threads);
  auto job = jobs.begin();
  for (MergePart& part : parts) {
    std::vector<RotationQuality> quality(part.plan().layers.size());
    for (const PlannedFile& file : part.plan().files)
      for (std::size_t t = 0; t < file.tensors.size(); ++t, ++job)
        if ((*job)->is_rotated()) quality[(*job)->layer_index()] = (*job)->quality();
    part.set_quality(std::move(quality));
  }
  return bytes;
}

}  // namespace oft
