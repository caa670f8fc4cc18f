package io.github.oft4j;

import io.github.oft4j.internal.NativeHandle;
import io.github.oft4j.internal.ScopeState;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Owns native objects, and frees them all when it is closed.
 *
 * <p>Scopes nest: a {@linkplain #child child} is closed with its parent. The result of an operation
 * belongs to the youngest scope among its operands, so that a step's temporaries die with the step;
 * {@link Tensor#moveTo} keeps one. Objects of a closed scope throw {@link OFTStateException}.
 *
 * {@snippet :
 * try (var scope = OFTScope.open()) {
 *   var adapter = AdapterFile.load(scope, Path.of("adapter"));
 *   for (String layer : layers) {
 *     try (var step = scope.child()) {
 *       var weight = Tensor.of(step, weights.get(layer), 768, 768);
 *       var merged = adapter.rotation(layer, 768).merge(weight, LayerKind.LINEAR);
 *       save(layer, merged.toFloatArray());
 *     }
 *   }
 * }
 * }
 *
 * <p>A scope is not bound to a thread: any thread may use and close it. Closing waits for no one;
 * an object that another thread uses at that moment is freed when its call returns. A scope that
 * becomes unreachable while open is closed with a warning; the system property {@code oft4j.debug}
 * makes the warning name the place where it was opened.
 *
 * <p>The garbage collector does not see native memory. Each time the bytes of open scopes have
 * grown by the system property {@code oft4j.gcThreshold} (bytes, default 1 GiB, 0 for never), a
 * collection is asked for, so that forgotten scopes cannot pile up.
 */
public final class OFTScope implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicLong OPENED = new AtomicLong();

  private final OFTScope parent; // keeps it reachable
  private final ScopeState state;
  private final Cleaner.Cleanable cleanable;
  private final long age = OPENED.getAndIncrement();

  private OFTScope(OFTScope parent) {
    this.parent = parent;
    state = new ScopeState(parent == null ? null : parent.state);
    cleanable = CLEANER.register(this, state);
  }

  /**
   * Opens a scope that ends only when it is closed.
   *
   * @return an open scope
   */
  public static OFTScope open() {
    return new OFTScope(null);
  }

  /**
   * Opens a scope that ends with this one, if not before.
   *
   * @return an open scope
   * @throws OFTStateException where this scope is closed
   */
  public OFTScope child() {
    return new OFTScope(this);
  }

  /**
   * Whether objects of this scope can be used.
   *
   * @return false once this scope or one around it was closed
   */
  public boolean isOpen() {
    return state.isOpen();
  }

  /** Closes the children, then frees every object of this scope. Closing again has no effect. */
  @Override
  public void close() {
    try {
      state.close();
      cleanable.clean();
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * A {@link DType#FLOAT32} tensor of this scope, with a copy of the elements.
   *
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for one dimension
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public Tensor tensor(float[] data, long... shape) {
    return Tensor.of(this, data, shapeOr(data.length, shape));
  }

  /**
   * A {@link DType#FLOAT64} tensor of this scope, with a copy of the elements.
   *
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for one dimension
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public Tensor tensor(double[] data, long... shape) {
    return Tensor.of(this, data, shapeOr(data.length, shape));
  }

  /**
   * An {@link DType#INT64} tensor of this scope, with a copy of the elements.
   *
   * @param data the elements, row-major
   * @param shape sizes whose product is {@code data.length}; none for one dimension
   * @return a new tensor
   * @throws OFTArgumentException where shape and length disagree
   */
  public Tensor tensor(long[] data, long... shape) {
    return Tensor.of(this, data, shapeOr(data.length, shape));
  }

  /**
   * A {@link DType#FLOAT32} matrix of this scope, with a copy of the elements.
   *
   * @param rows of one length
   * @return a new tensor
   * @throws OFTArgumentException where the lengths differ
   */
  public Tensor tensor(float[][] rows) {
    int columns = rows.length == 0 ? 0 : rows[0].length;
    float[] data = new float[Math.multiplyExact(rows.length, columns)];
    for (int i = 0; i < rows.length; i++) {
      checkColumns(i, rows[i].length, columns);
      System.arraycopy(rows[i], 0, data, i * columns, columns);
    }
    return Tensor.of(this, data, rows.length, columns);
  }

  /**
   * An {@link DType#INT64} matrix of this scope, with a copy of the elements, for example of token
   * numbers.
   *
   * @param rows of one length
   * @return a new tensor
   * @throws OFTArgumentException where the lengths differ
   */
  public Tensor tensor(long[][] rows) {
    int columns = rows.length == 0 ? 0 : rows[0].length;
    long[] data = new long[Math.multiplyExact(rows.length, columns)];
    for (int i = 0; i < rows.length; i++) {
      checkColumns(i, rows[i].length, columns);
      System.arraycopy(rows[i], 0, data, i * columns, columns);
    }
    return Tensor.of(this, data, rows.length, columns);
  }

  private static long[] shapeOr(int length, long[] shape) {
    return shape.length == 0 ? new long[] {length} : shape;
  }

  private static void checkColumns(int row, int found, int wanted) {
    if (found != wanted) {
      throw new OFTArgumentException(
          "row " + row + " has " + found + " elements, row 0 has " + wanted + ": pad the shorter");
    }
  }

  /** Which of two scopes was opened last. */
  static OFTScope youngest(OFTScope a, OFTScope b) {
    return a.age >= b.age ? a : b;
  }

  ScopeState state() {
    return state;
  }

  NativeHandle own(NativeHandle handle) {
    state.add(handle);
    return handle;
  }
}
