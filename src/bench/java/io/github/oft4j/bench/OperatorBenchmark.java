package io.github.oft4j.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.github.oft4j.OFTScope;
import io.github.oft4j.Operators;
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
 * Operations between the forwards of a model: pooling, losses, metrics are a handful of these. The
 * result is freed at once, as a step's scope would.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class OperatorBenchmark {
  private Border border;
  private OFTScope scope;
  private Tensor x;
  private Tensor y;
  private MemorySegment cX;
  private MemorySegment cY;
  private MemorySegment args;
  private MemorySegment addTensor;
  private MemorySegment addScalar;
  private MemorySegment add;

  @Setup
  public void open() {
    border = new Border();
    scope = OFTScope.open();
    x = Tensor.of(scope, new float[] {1, 2, 3}, 3);
    y = Tensor.of(scope, new float[] {0.5f, 0.25f, 0.125f}, 3);
    cX = border.tensor(1, 2, 3);
    cY = border.tensor(0.5f, 0.25f, 0.125f);
    args = border.arena.allocate(ADDRESS, 2);
    addTensor = border.text("aten::add.Tensor");
    addScalar = border.text("aten::add.Scalar");
    add = border.text("aten::add");
    requireEqual(x.add(y), cAdd(addTensor, tensorValue(cY)));
    requireEqual(x.add(3), cAdd(addScalar, numberValue()));
    requireEqual((Tensor) Operators.call("aten::add", x, y), cAdd(add, tensorValue(cY)));
    requireEqual((Tensor) Operators.call("aten::add", x, 3.0), cAdd(add, numberValue()));
  }

  private void requireEqual(Tensor facade, MemorySegment c) {
    Border.requireEqual(facade.toFloatArray()[0], border.first(c));
    OftC.oft_tensor_destroy(c);
  }

  @TearDown
  public void close() {
    OftC.oft_tensor_destroy(cX);
    OftC.oft_tensor_destroy(cY);
    scope.close();
    border.close();
  }

  @Benchmark
  public void facadeAdd() {
    x.add(y).close();
  }

  @Benchmark
  public void cAdd() {
    OftC.oft_tensor_destroy(cAdd(addTensor, tensorValue(cY)));
  }

  @Benchmark
  public void facadeAddNumber() {
    x.add(3).close();
  }

  @Benchmark
  public void cAddNumber() {
    OftC.oft_tensor_destroy(cAdd(addScalar, numberValue()));
  }

  /** Without an overload: the first of several is the right one. */
  @Benchmark
  public void facadeByName() {
    ((Tensor) Operators.call("aten::add", x, y)).close();
  }

  @Benchmark
  public void cByName() {
    OftC.oft_tensor_destroy(cAdd(add, tensorValue(cY)));
  }

  /** Without an overload: the first of several is not the right one. */
  @Benchmark
  public void facadeNumberByName() {
    ((Tensor) Operators.call("aten::add", x, 3.0)).close();
  }

  @Benchmark
  public void cNumberByName() {
    OftC.oft_tensor_destroy(cAdd(add, numberValue()));
  }

  private MemorySegment tensorValue(MemorySegment tensor) {
    return border.made(OftC.oft_value_from_tensor(tensor, border.out, border.error));
  }

  private MemorySegment numberValue() {
    return border.made(OftC.oft_value_from_double(3, border.out, border.error));
  }

  /** The tensor x and another value, which is freed, as arguments. */
  private MemorySegment cAdd(MemorySegment name, MemorySegment other) {
    MemorySegment self = tensorValue(cX);
    args.setAtIndex(ADDRESS, 0, self);
    args.setAtIndex(ADDRESS, 1, other);
    MemorySegment sum =
        border.made(
            OftC.oft_operator_call(
                name, name.byteSize(), args, 2, MemorySegment.NULL, border.out, border.error));
    MemorySegment tensor = border.made(OftC.oft_value_to_tensor(sum, border.out, border.error));
    OftC.oft_value_destroy(sum);
    OftC.oft_value_destroy(other);
    OftC.oft_value_destroy(self);
    return tensor;
  }
}
