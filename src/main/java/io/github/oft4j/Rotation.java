package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.NativeConfig;
import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.NativeType;
import io.github.oft4j.internal.ffm.OftC;
import java.util.List;

/**
 * A block-diagonal rotation {@code R} of {@code features} dimensions, what an OFT adapter holds for
 * each layer (<a href="https://arxiv.org/abs/2306.07280">Qiu et al. 2023</a>).
 *
 * <p>A layer rotates its input, {@code y = (x R) Wᵀ}; hence the merged weight is {@code W' = W Rᵀ}.
 * Immutable: any number of threads may use a rotation.
 */
public final class Rotation extends NativeObject {
  private volatile RotationInfo info; // read when first asked for

  private Rotation(OFTScope scope, NativeHandle handle) {
    super(scope, handle);
  }

  /**
   * The rotation that a configuration makes of parameters.
   *
   * @param scope its owner
   * @param q {@code [features / b, b(b-1)/2]}, one row with {@code block_share}: of each block
   *     {@code Q} the elements above the diagonal, row by row; shared, not copied
   * @param features the rotated dimension
   * @param config its formula, terms, {@code block_share}, {@code coft} and {@code eps} apply; the
   *     block size follows from {@code q}
   * @return a new rotation
   * @throws OFTArgumentException where {@code q} does not fit {@code features}, or is no
   *     floating-point tensor
   */
  public static Rotation of(OFTScope scope, Tensor q, long features, OFTConfig config) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_create(
              call.lease(q.handle),
              features,
              NativeConfig.parseFile(call, config.text()),
              call.none(),
              call.out(),
              call.error()));
      return adopt(call, scope, features, q.handle.anchor());
    }
  }

  /**
   * The rotated dimension.
   *
   * @return {@code blockSize() * blocks()}
   */
  public long features() {
    return info().features();
  }

  /**
   * The edge of a block.
   *
   * @return b
   */
  public long blockSize() {
    return info().blockSize();
  }

  /**
   * How many blocks cover the features, also where they share one.
   *
   * @return {@code features() / blockSize()}
   */
  public long blocks() {
    return info().blocks();
  }

  /**
   * What the rotation is besides its parameters.
   *
   * @return never null
   */
  public RotationSpec spec() {
    return info().spec();
  }

  /**
   * The parameters as given, before any constraint.
   *
   * @return shares memory with the rotation, and belongs to its scope
   */
  public Tensor q() {
    try (var call = Call.open()) {
      call.check(OftC.oft_rotation_q(call.lease(handle), call.out(), call.error()));
      return Tensor.adopt(call, scope(), handle.anchor());
    }
  }

  /**
   * The blocks of {@code R}.
   *
   * @param dtype to compute in: {@link DType#FLOAT32} or {@link DType#FLOAT64}
   * @return {@code [blocks or 1, b, b]}
   * @throws OFTArgumentException for another type
   */
  public Tensor matrices(DType dtype) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_matrices(call.lease(handle), dtype.code(), call.out(), call.error()));
      return Tensor.adopt(call, scope(), null);
    }
  }

  /**
   * The blocks of {@code R⁻¹}: the transpose for {@link Formula#CAYLEY}, else a true inverse.
   *
   * @param dtype of the result: {@link DType#FLOAT32} or {@link DType#FLOAT64}
   * @return {@code [blocks or 1, b, b]}
   * @throws OFTArgumentException for another type, and where a block is singular
   */
  public Tensor inverse(DType dtype) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_inverse(call.lease(handle), dtype.code(), call.out(), call.error()));
      return Tensor.adopt(call, scope(), null);
    }
  }

  /**
   * The angles by which each block turns its planes.
   *
   * @return {@code [blocks or 1, b / 2]}, radians, descending in each block
   */
  public Tensor angles() {
    try (var call = Call.open()) {
      call.check(OftC.oft_rotation_angles(call.lease(handle), call.out(), call.error()));
      return Tensor.adopt(call, scope(), null);
    }
  }

  /**
   * This rotation at another strength: each plane turns by {@code exponent} times its angle. Of a
   * Neumann series it is the power of the nearest rotation.
   *
   * @param exponent any finite number
   * @return a new rotation in this one's scope, by {@link Formula#CAYLEY}
   * @throws OFTArgumentException where a plane makes half a turn, for which the formula has no
   *     parameters
   */
  public Rotation power(double exponent) {
    try (var call = Call.open()) {
      call.check(OftC.oft_rotation_power(call.lease(handle), exponent, call.out(), call.error()));
      return adopt(call, scope(), features(), handle.anchor());
    }
  }

  /**
   * How far {@code R} is from orthogonal.
   *
   * @param dtype to compute {@code R} in: {@link DType#FLOAT32} or {@link DType#FLOAT64}
   * @return the largest {@code ||RᵀR - I||_F} of a block
   * @throws OFTArgumentException for another type
   */
  public double orthogonalityError(DType dtype) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_orthogonality_error(
              call.lease(handle), dtype.code(), call.out(), call.error()));
      return call.outDouble();
    }
  }

  /**
   * Rotates activations.
   *
   * @param x {@code [..., features]}; 16-bit types are computed in float32
   * @return {@code x R}, of the shape and type of {@code x}
   * @throws OFTArgumentException where the last dimension is not {@code features}
   */
  public Tensor apply(Tensor x) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_apply(
              call.lease(handle), call.lease(x.handle), call.out(), call.error()));
      return Tensor.adopt(call, OFTScope.youngest(scope(), x.scope()), null);
    }
  }

  /**
   * The weight of a layer after this rotation; the same as {@link #merge(List, Tensor, LayerKind,
   * boolean)} for one rotation, not {@code safe}.
   *
   * @param weight of the layout of {@code kind}
   * @param kind what holds the weight
   * @return of the shape and type of {@code weight}
   * @throws OFTArgumentException where weight and rotation do not fit
   */
  public Tensor merge(Tensor weight, LayerKind kind) {
    return merge(List.of(this), weight, kind, false);
  }

  /**
   * The weight that {@link #merge(Tensor, LayerKind)} was given, but for rounding.
   *
   * @param weight a merged weight
   * @param kind what holds the weight
   * @return of the shape and type of {@code weight}
   * @throws OFTArgumentException where weight and rotation do not fit, or a block is singular
   */
  public Tensor unmerge(Tensor weight, LayerKind kind) {
    return unmerge(List.of(this), weight, kind);
  }

  /**
   * The weight of a layer after several rotations: {@code x R₁ R₂ Wᵀ} becomes {@code W R₂ᵀ R₁ᵀ}.
   * Computed in float32, in float64 for such weights; 16-bit results are rounded once.
   *
   * @param rotations in the order of the forward
   * @param weight of the layout of {@code kind}
   * @param kind what holds the weight
   * @param safe refuse results that are not finite
   * @return of the shape and type of {@code weight}, in the youngest scope of all operands
   * @throws OFTArgumentException where weight and rotations do not fit, or {@code safe} refuses
   */
  public static Tensor merge(
      List<Rotation> rotations, Tensor weight, LayerKind kind, boolean safe) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_merge(
              call.leaseAll(handles(rotations)),
              rotations.size(),
              call.lease(weight.handle),
              kind.code(),
              safe ? 1 : 0,
              call.out(),
              call.error()));
      return Tensor.adopt(call, youngest(rotations, weight), null);
    }
  }

  /**
   * Undoes {@link #merge(List, Tensor, LayerKind, boolean)} by the inverse of each block.
   *
   * @param rotations as they were merged
   * @param weight a merged weight
   * @param kind what holds the weight
   * @return of the shape and type of {@code weight}, in the youngest scope of all operands
   * @throws OFTArgumentException where weight and rotations do not fit, or a block is singular
   */
  public static Tensor unmerge(List<Rotation> rotations, Tensor weight, LayerKind kind) {
    try (var call = Call.open()) {
      call.check(
          OftC.oft_rotation_unmerge(
              call.leaseAll(handles(rotations)),
              rotations.size(),
              call.lease(weight.handle),
              kind.code(),
              call.out(),
              call.error()));
      return Tensor.adopt(call, youngest(rotations, weight), null);
    }
  }

  /**
   * Takes the new rotation in the call's out-parameter.
   *
   * @param anchor Java memory that it shares, or null
   */
  static Rotation adopt(Call call, OFTScope scope, long features, Object anchor) {
    var handle =
        new NativeHandle(
            call.outPointer(),
            NativeType.ROTATION,
            "Rotation of " + features + " features",
            0,
            anchor);
    return new Rotation(scope, scope.own(handle));
  }

  private static List<NativeHandle> handles(List<Rotation> rotations) {
    return rotations.stream().map(rotation -> rotation.handle).toList();
  }

  private static OFTScope youngest(List<Rotation> rotations, Tensor weight) {
    OFTScope youngest = weight.scope();
    for (Rotation rotation : rotations) {
      youngest = OFTScope.youngest(youngest, rotation.scope());
    }
    return youngest;
  }

  private RotationInfo info() {
    RotationInfo known = info;
    if (known == null) {
      try (var call = Call.open()) {
        var rotation = call.lease(handle);
        known =
            RotationInfo.of(
                call.text(
                    (buffer, capacity, outSize, outError) ->
                        OftC.oft_rotation_to_json(rotation, buffer, capacity, outSize, outError)));
      }
      info = known;
    }
    return known;
  }
}
