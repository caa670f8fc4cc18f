package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.DType;
import io.github.oft4j.OFTScope;
import io.github.oft4j.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.LongStream;

/** A field of JSON lines, in memory: int64 where all its numbers are integers, else float32. */
final class JsonColumn implements Column {
  private final IntFunction<String> places;
  private final List<double[]> rows = new ArrayList<>();
  private long[] shape;
  private int width;
  private boolean isIntegral = true;

  /** A column without examples, which are told by their places. */
  JsonColumn(IntFunction<String> places) {
    this.places = places;
  }

  /** Takes the value of the next example: a number, or nested arrays of numbers. */
  void add(JsonNode value) throws CliException {
    if (shape == null) {
      shape = shape(value);
      width = Math.toIntExact(LongStream.of(shape).reduce(1, Math::multiplyExact));
    }
    var row = new double[width];
    fill(row, 0, value, 0);
    rows.add(row);
  }

  @Override
  public int size() {
    return rows.size();
  }

  @Override
  public DType dtype() {
    return isIntegral ? DType.INT64 : DType.FLOAT32;
  }

  @Override
  public Tensor batch(OFTScope scope, int[] examples) {
    long[] batchShape =
        LongStream.concat(LongStream.of(examples.length), LongStream.of(shape)).toArray();
    if (isIntegral) {
      long[] values = new long[examples.length * width];
      for (int i = 0; i < values.length; i++) {
        values[i] = (long) rows.get(examples[i / width])[i % width];
      }
      return Tensor.of(scope, values, batchShape);
    }
    float[] values = new float[examples.length * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) rows.get(examples[i / width])[i % width];
    }
    return Tensor.of(scope, values, batchShape);
  }

  @Override
  public String place(int example) {
    return places.apply(example);
  }

  /** Writes the numbers of {@code value}, {@code depth} arrays deep. Returns where they end. */
  private int fill(double[] row, int start, JsonNode value, int depth) throws CliException {
    if (depth == shape.length && value.isNumber()) {
      isIntegral &= value.isIntegralNumber();
      row[start] = value.doubleValue();
      return start + 1;
    }
    if (!value.isArray() && !value.isNumber()) {
      throw wrong("holds " + value + ", which is no number");
    }
    if (depth == shape.length || value.size() != shape[depth]) {
      throw wrong("has another shape than the " + text() + " of the first example: pad it");
    }
    int end = start;
    for (JsonNode item : value) {
      end = fill(row, end, item, depth + 1);
    }
    return end;
  }

  private CliException wrong(String problem) {
    return new CliException(ExitCode.BAD_INPUT, place(rows.size()) + " " + problem);
  }

  private String text() {
    return shape.length == 0
        ? "one number"
        : Figures.shape(LongStream.of(shape).boxed().toList()) + " numbers";
  }

  /** The sizes along the first items. */
  private static long[] shape(JsonNode value) {
    var sizes = LongStream.builder();
    for (JsonNode level = value; level.isArray(); level = level.path(0)) {
      sizes.add(level.size());
    }
    return sizes.build().toArray();
  }
}
