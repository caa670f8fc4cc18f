#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "oft/adapter_file.hpp"

namespace oft {

/// What a file of another maker than PEFT holds for one layer.
struct ForeignLayer {
  std::string name;                           ///< as the file spells it
  std::map<std::string, at::Tensor> tensors;  ///< by what follows the name in their keys

  bool has(const std::string& key) const { return tensors.contains(key); }
  /// Takes a tensor out, so that what is left at the end was not understood; undefined where there
  /// is none.
  at::Tensor take(const std::string& key);
  /// Takes a tensor of one number out. Throws Error(kInvalidArgument) for another one, and for NaN.
  std::optional<double> take_number(const std::string& key);
  /// Takes square blocks [.., b, b] of `dims` dimensions out, in float64. Throws
  /// Error(kInvalidArgument) for another shape or type.
  at::Tensor take_blocks(const std::string& key, std::int64_t dims);

  /// Throws Error(kInvalidArgument) with the layer's name in front.
  [[noreturn]] void refuse(const std::string& reason) const;
};

/// The elements above the diagonal of blocks [n, b, b] as a file's parameters, float32.
at::Tensor parameters_of(const at::Tensor& skew);

/// LyCORIS (KohakuBlueleaf/LyCORIS f49d30d, lycoris/modules/diag_oft.py, boft.py). With B the
/// stored blocks, Q = B - B^T and R = (I + Q)(I - Q)^-1, diag-oft makes W'_k = R_k^T W_k of each
/// group of output rows; BOFT makes R W in stages i = 0.., stage i a butterfly of distance
/// 2^i b/2. Then `rescale` [out, 1, ..] multiplies the rows. Where ||Q||_F of all blocks and stages
/// + 1e-8 exceeds c = `alpha` * out > 0, Q is scaled by c over that; files of before 2024-02-20
/// hold no `alpha`, and the limit of their training cannot be known.
///
/// `oft_diag`, of before 2024-02-12, is R itself (custom_state_dict of c143299), so Q is found by
/// the inverse, (R - I)(R + I)^-1. What is no rotation is refused: in files of 2023-10-11 to
/// 2023-11-13 R - I was learned without a constraint, later ones may have `rescale` in R.
///
/// A diag-oft or BOFT layer is told by the number of dimensions.
AdapterLayer read_lycoris_layer(ForeignLayer& layer);

/// kohya-ss/sd-scripts (48d368fa, networks/oft.py, oft_flux.py). R and its side are those of
/// LyCORIS' diag-oft; the limit c = `alpha` * outputs counts always, by a factor of
/// (min(||Q||_F, c) + 1e-8) / (||Q||_F + 1e-8), so that an `alpha` of 0 leaves no rotation.
/// `oft_blocks.0`, `.1`, .. of FLUX are for consecutive outputs of a layer fused from several, each
/// with a limit of its own. What counts is `forward`: `merge_to` of oft_flux.py joins those parts
/// along the wrong dimension. Before 93d9fbf6 (2024-01) the forward, but not the merge, turned the
/// bias too, which a file does not tell.
AdapterLayer read_kohya_layer(ForeignLayer& layer);

/// OneTrainer (Nerogar/OneTrainer 23df3832, modules/module/oft_utils.py, LoRAModule.py): PEFT's
/// `oft_R.weight` and its Neumann series of 0.18 with 5 terms on the input side. With
/// `oft_R.scaled_oft` parameters are divided by 2 sqrt(b - 1). One row for all blocks is shared.
/// A Linear becomes W R^T as in PEFT, a convolution W R: since the series p has p(Q)^T = p(-Q),
/// that is PEFT's rotation by the negated parameters, see AdapterFile::rotations. Builds of
/// 2025-11-14 to 16 had the series of PEFT 0.16, which a file does not tell; COFT, until
/// 2026-05-10, has left its mark in the parameters already.
AdapterLayer read_onetrainer_layer(ForeignLayer& layer);

}  // namespace oft
