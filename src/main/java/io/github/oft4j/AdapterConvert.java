package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Writes an adapter in another format: exactly where that has the words for it, refused with the
 * reason where not. What is written appears whole or not at all.
 *
 * {@snippet :
 * AdapterConvert.of(AdapterFile.load(scope, Path.of("kohya.safetensors")), ConvertTarget.LYCORIS)
 *     .writeTo(Path.of("lycoris.safetensors"));
 * }
 *
 * <p>Not safe from several threads at once.
 */
public final class AdapterConvert {
  private final AdapterFile adapter;
  private final ObjectNode options = Json.object();

  private AdapterConvert(AdapterFile adapter, ConvertTarget target) {
    this.adapter = Objects.requireNonNull(adapter, "adapter");
    options.put("to", target.jsonName());
  }

  /**
   * A conversion, not run yet.
   *
   * @param adapter must stay open until {@link #writeTo}
   * @param target what to write
   * @return the conversion
   */
  public static AdapterConvert of(AdapterFile adapter, ConvertTarget target) {
    return new AdapterConvert(adapter, target);
  }

  /**
   * Changes the formula; {@link ConvertTarget#PEFT} alone knows several. The report tells how far
   * the rotations then differ.
   *
   * @param formula {@link Formula#CAYLEY}, the nearest rotation, or {@link Formula#CAYLEY_NEUMANN},
   *     by the negated parameters; by default the adapter's own
   * @return this
   */
  public AdapterConvert formula(Formula formula) {
    options.put("formula", formula.jsonName());
    return this;
  }

  /**
   * Names the model that the adapter is for: {@link ConvertTarget#LORA}, {@link ConvertTarget#FULL}
   * and {@link ConvertTarget#PEFT_LEGACY} need its weights.
   *
   * @param base a {@code .safetensors} file, or a folder that holds a model
   * @return this
   */
  public AdapterConvert base(Path base) {
    options.put("base", base.toString());
    return this;
  }

  /**
   * Names the part of a pipeline that the adapter is for.
   *
   * @param component for example {@code "unet"}, which names for {@link ConvertTarget#LYCORIS} say,
   *     too
   * @return this
   */
  public AdapterConvert component(String component) {
    options.put("component", Objects.requireNonNull(component, "component"));
    return this;
  }

  /**
   * Sets the rank of a {@link ConvertTarget#LORA}.
   *
   * @param rank 64 by default
   * @return this
   */
  public AdapterConvert rank(int rank) {
    options.put("rank", rank);
    return this;
  }

  /**
   * Goes on past what the format has no place for, layers without a base weight, and existing
   * targets.
   *
   * @return this
   */
  public AdapterConvert force() {
    options.put("force", true);
    return this;
  }

  /**
   * Sets the type of what is written.
   *
   * @param dtype a floating-point type; by default the adapter's own
   * @return this
   */
  public AdapterConvert dtype(DType dtype) {
    options.put("dtype", dtype.torchName());
    return this;
  }

  /**
   * Converts.
   *
   * @param target a folder for {@link ConvertTarget#PEFT}, {@link ConvertTarget#PEFT_LEGACY} and
   *     {@link ConvertTarget#LORA}, a {@code .safetensors} file for the others
   * @return what was written
   * @throws OFTUnsupportedException where the format cannot say what the adapter does
   * @throws OFTArgumentException where the base is needed and not given or does not fit, where the
   *     target exists
   * @throws OFTIOException where the operating system refuses to write
   */
  public ConvertReport writeTo(Path target) {
    try (var call = Call.open()) {
      var path = call.path(target);
      var json = call.utf8(Json.text(options));
      call.check(
          OftC.oft_convert_adapter(
              call.lease(adapter.handle),
              path.data(),
              path.size(),
              json.data(),
              json.size(),
              call.out(),
              call.error()));
      return ConvertReport.of(call.takeText());
    }
  }
}
