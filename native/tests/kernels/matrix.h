#ifndef OFT_TESTS_KERNELS_MATRIX_H
#define OFT_TESTS_KERNELS_MATRIX_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace oft::kernels {

/// Square, in a precision beyond that of the kernels.
class Matrix {
 public:
  explicit Matrix(std::int64_t size) : b_(size), values_(static_cast<std::size_t>(size * size)) {}

  static Matrix diagonal(std::int64_t size, long double value) {
    Matrix result(size);
    for (std::int64_t i = 0; i < size; ++i) result(i, i) = value;
    return result;
  }

  std::int64_t size() const { return b_; }
  long double& operator()(std::int64_t i, std::int64_t j) {
    return values_[static_cast<std::size_t>(i * b_ + j)];
  }
  long double operator()(std::int64_t i, std::int64_t j) const {
    return values_[static_cast<std::size_t>(i * b_ + j)];
  }

  friend Matrix operator*(const Matrix& left, const Matrix& right) {
    Matrix result(left.b_);
    for (std::int64_t i = 0; i < left.b_; ++i) {
      for (std::int64_t t = 0; t < left.b_; ++t) {
        for (std::int64_t j = 0; j < left.b_; ++j) result(i, j) += left(i, t) * right(t, j);
      }
    }
    return result;
  }

  void add(long double factor, const Matrix& other) {
    for (std::size_t t = 0; t < values_.size(); ++t) values_[t] += factor * other.values_[t];
  }

  Matrix magnitudes() const {
    Matrix result = *this;
    for (long double& value : result.values_) value = std::fabs(value);
    return result;
  }

  /// The largest sum of magnitudes along a row.
  double row_norm() const {
    long double largest = 0;
    for (std::int64_t i = 0; i < b_; ++i) {
      long double sum = 0;
      for (std::int64_t j = 0; j < b_; ++j) sum += std::fabs((*this)(i, j));
      largest = std::max(largest, sum);
    }
    return static_cast<double>(largest);
  }

 private:
  std::int64_t b_;
  std::vector<long double> values_;
};

/// The solution of a x = right: Gaussian elimination with partial pivoting.
inline Matrix solve(Matrix a, Matrix right) {
  const std::int64_t b = a.size();
  for (std::int64_t k = 0; k < b; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k; i < b; ++i) {
      if (std::fabs(a(i, k)) > std::fabs(a(pivot, k))) pivot = i;
    }
    for (std::int64_t j = 0; j < b; ++j) {
      std::swap(a(k, j), a(pivot, j));
      std::swap(right(k, j), right(pivot, j));
    }
    for (std::int64_t i = k + 1; i < b; ++i) {
      const long double factor = a(i, k) / a(k, k);
      for (std::int64_t j = k; j < b; ++j) a(i, j) -= factor * a(k, j);
      for (std::int64_t j = 0; j < b; ++j) right(i, j) -= factor * right(k, j);
    }
  }
  for (std::int64_t k = b - 1; k >= 0; --k) {
    for (std::int64_t j = 0; j < b; ++j) {
      for (std::int64_t t = k + 1; t < b; ++t) right(k, j) -= a(k, t) * right(t, j);
      right(k, j) /= a(k, k);
    }
  }
  return right;
}

template <typename T>
Matrix skew(const T* q, std::int64_t b) {
  Matrix result(b);
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = i + 1; j < b; ++j) {
      result(i, j) = *q++;
      result(j, i) = -result(i, j);
    }
  }
  return result;
}

}  // namespace oft::kernels

#endif
