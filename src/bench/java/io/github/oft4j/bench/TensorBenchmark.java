package io.github.oft4j.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.oft4j.DType;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Tensor;
import io.github.oft4j.internal.ffm.OftC;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What an inference loop asks of a tensor, and how data come in: a loss is read by {@code item()},
 * a batch is a primitive array that is copied, or native memory that is wrapped.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class TensorBenchmark {
  private static final float[] ELEMENTS = {1, 2, 3, 4, 5, 6, 7, 8};

  private Border border;
  private OFTScope scope;
  private Tensor scalar;
  private MemorySegment cScalar;
  private MemorySegment shape;
  private MemorySegment memory;

  @Setup
  public void open() {
    border = new Border();
    scope = OFTScope.open();
    scalar = Tensor.of(scope, new float[] {2.5f}, 1);
    cScalar = border.tensor(2.5f);
    shape = border.arena.allocateFrom(JAVA_LONG, ELEMENTS.length);
    memory = border.arena.allocate(JAVA_LONG, ELEMENTS.length / 2);
    Border.requireEqual(facadeSize(), cSize());
    Border.requireEqual(facadeRequiresGrad() ? 1 : 0, cRequiresGrad());
    Border.requireEqual(facadeItem(), cItem());
    facadeCopy();
    cCopy();
    facadeWrap();
    cWrap();
  }

  @TearDown
  public void close() {
    OftC.oft_tensor_destroy(cScalar);
    scope.close();
    border.close();
  }

  /** Known to the object: no native call at all. */
  @Benchmark
  public long facadeSize() {
    return scalar.size(0) + scalar.dim() - 1;
  }

  @Benchmark
  public long cSize() {
    Border.check(OftC.oft_tensor_sizes(cScalar, border.sizes, 8, border.out, border.error));
    return border.sizes.get(JAVA_LONG, 0);
  }

  /** The shortest native call: what a lease and the slots cost. */
  @Benchmark
  public boolean facadeRequiresGrad() {
    return scalar.requiresGrad();
  }

  @Benchmark
  public int cRequiresGrad() {
    Border.check(OftC.oft_tensor_requires_grad(cScalar, border.out, border.error));
    return border.out.get(JAVA_INT, 0);
  }

  @Benchmark
  public double facadeItem() {
    return scalar.item();
  }

  @Benchmark
  public double cItem() {
    return border.first(cScalar);
  }

  /** An array into a tensor that is freed at once. */
  @Benchmark
  public void facadeCopy() {
    Tensor.of(scope, ELEMENTS, ELEMENTS.length).close();
  }

  @Benchmark
  public void cCopy() {
    OftC.oft_tensor_destroy(border.tensor(shape, ELEMENTS));
  }

  @Benchmark
  public void facadeWrap() {
    Tensor.wrap(scope, memory, DType.FLOAT32, ELEMENTS.length).close();
  }

  @Benchmark
  public void cWrap() {
    OftC.oft_tensor_destroy(
        border.made(
            OftC.oft_tensor_from_blob(
                memory,
                memory.byteSize(),
                OftC.OFT_DTYPE_FLOAT32(),
                shape,
                1,
                border.out,
                border.error)));
  }
}
