/** The rotation of one layer. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_ROTATION_H
#define OFT_C_API_ROTATION_H

#include "oft/c_api/base.h"
#include "oft/c_api/config.h"
#include "oft/c_api/tensor.h"

/** Layouts of weights; `d` is the rotated dimension. Append only. */
typedef int32_t oft_layer_kind;
enum oft_layer_kind_code {
  OFT_LAYER_LINEAR = 0,   /**< [out, d] */
  OFT_LAYER_CONV1D = 1,   /**< transformers' Conv1D: [d, out] */
  OFT_LAYER_CONV_1D = 2,  /**< [out, in, k], d = in * k */
  OFT_LAYER_CONV_2D = 3,  /**< [out, in, kh, kw], d = in * kh * kw */
  OFT_LAYER_EMBEDDING = 4 /**< [rows, d] */
};

typedef struct oft_rotation oft_rotation;

/**
 * The rotation that a configuration makes of parameters q.
 * @param q      [features / b, b(b-1)/2], one row with block_share; copied by reference
 * @param config its formula, terms, block_share, coft and eps apply; b follows from q
 * @param row_scale NULL, or [out]: PEFT 0.14-0.15's `oft_s`
 * @param out_rotation new
 * Returns: INVALID_ARGUMENT where q does not fit `features`.
 */
OFT_API oft_status oft_rotation_create(const oft_tensor* q, int64_t features,
                                       const oft_config* config, const oft_tensor* row_scale,
                                       oft_rotation** out_rotation, oft_error** out_error);

/** Text out: JSON with formula, terms, features, block_size, blocks, block_share, coft_eps. */
OFT_API oft_status oft_rotation_to_json(const oft_rotation* rotation, char* buffer, size_t capacity,
                                        size_t* out_size, oft_error** out_error);

/** The parameters as given. out_q: new, shares memory. */
OFT_API oft_status oft_rotation_q(const oft_rotation* rotation, oft_tensor** out_q,
                                  oft_error** out_error);

/** R, [blocks or 1, b, b], computed in `dtype` (float32 or float64). out_matrices: new. */
OFT_API oft_status oft_rotation_matrices(const oft_rotation* rotation, oft_dtype dtype,
                                         oft_tensor** out_matrices, oft_error** out_error);

/** R^-1, as oft_rotation_matrices. Returns: INVALID_ARGUMENT where a block is singular. */
OFT_API oft_status oft_rotation_inverse(const oft_rotation* rotation, oft_dtype dtype,
                                        oft_tensor** out_matrices, oft_error** out_error);

/**
 * R^exponent along the one-parameter group, by the exact formula: each plane turns by `exponent`
 * times its angle. Of a Neumann series the power of the nearest rotation. out_rotation: new.
 * Returns: INVALID_ARGUMENT for an exponent that is not finite, and where a plane makes half a
 * turn, naming block and angle.
 */
OFT_API oft_status oft_rotation_power(const oft_rotation* rotation, double exponent,
                                      oft_rotation** out_rotation, oft_error** out_error);

/** The angles of the planes that each block turns, radians, [blocks or 1, b/2]. out_angles: new. */
OFT_API oft_status oft_rotation_angles(const oft_rotation* rotation, oft_tensor** out_angles,
                                       oft_error** out_error);

/** The largest ||R^T R - I||_F of a block, of R as computed in `dtype`. */
OFT_API oft_status oft_rotation_orthogonality_error(const oft_rotation* rotation, oft_dtype dtype,
                                                    double* out_value, oft_error** out_error);

/** x R for x [..., features]. out_y: new, of x's dtype. */
OFT_API oft_status oft_rotation_apply(const oft_rotation* rotation, const oft_tensor* x,
                                      oft_tensor** out_y, oft_error** out_error);

/**
 * The weight of a layer after rotations, in the order of the forward; computed in float32 or
 * better, rounded once.
 * @param safe non-zero: INVALID_ARGUMENT where a result is not finite
 * @param out_weight new, of the weight's dtype
 * Returns: UNSUPPORTED where a weight of this kind cannot have this shape or dtype.
 */
OFT_API oft_status oft_rotation_merge(const oft_rotation* const* rotations, size_t count,
                                      const oft_tensor* weight, oft_layer_kind kind, int32_t safe,
                                      oft_tensor** out_weight, oft_error** out_error);

/**
 * Undoes oft_rotation_merge by the inverse of each block. out_weight: new.
 * Returns: as oft_rotation_merge; INVALID_ARGUMENT where a block is singular.
 */
OFT_API oft_status oft_rotation_unmerge(const oft_rotation* const* rotations, size_t count,
                                        const oft_tensor* weight, oft_layer_kind kind,
                                        oft_tensor** out_weight, oft_error** out_error);

OFT_API void oft_rotation_destroy(oft_rotation* rotation);

#endif
