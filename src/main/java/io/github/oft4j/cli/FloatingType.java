package io.github.oft4j.cli;

import io.github.oft4j.DType;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** An element type that weights can be written in. */
final class FloatingType implements ITypeConverter<DType> {
  private static final List<DType> TYPES =
      List.of(DType.FLOAT16, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64);

  @Override
  public DType convert(String name) {
    return TYPES.stream()
        .filter(type -> type.torchName().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'" + name + "' is none of float16, bfloat16, float32, float64"));
  }
}
