#include "agreement.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/max.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <limits>
#include <sstream>

#include "failure.h"

namespace oft::bench {
namespace {

double epsilon(at::ScalarType type) {
  switch (type) {
    case at::kBFloat16:
      return std::numeric_limits<c10::BFloat16>::epsilon();
    case at::kHalf:
      return std::numeric_limits<c10::Half>::epsilon();
    case at::kDouble:
      return std::numeric_limits<double>::epsilon();
    default:
      return std::numeric_limits<float>::epsilon();
  }
}

[[noreturn]] void disagree(const std::string& ours, const std::string& theirs,
                           const std::string& how) {
  throw Failure(ExitCode::kCheckFailed,
                ours + " and " + theirs + " disagree, so nothing is timed: " + how);
}

}  // namespace

void require_agreement(const std::string& ours, const at::Tensor& a, const std::string& theirs,
                       const at::Tensor& b, double roundings) {
  if (a.sizes() != b.sizes()) {
    std::ostringstream shapes;
    shapes << a.sizes() << " is not " << b.sizes();
    disagree(ours, theirs, shapes.str());
  }
  const at::Tensor expected = b.to(at::kDouble);
  const double largest = expected.abs().max().item<double>();
  const double off = (a.to(at::kDouble) - expected).abs().max().item<double>();
  const double limit =
      roundings * std::max(epsilon(a.scalar_type()), epsilon(b.scalar_type())) * largest;
  if (!(off <= limit)) {  // also where either is not a number
    std::ostringstream how;
    how << "values of at most " << largest << " are off by " << off << ", more than " << limit;
    disagree(ours, theirs, how.str());
  }
}

}  // namespace oft::bench
