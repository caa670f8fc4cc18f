package io.github.oft4j;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Where the elements of a tensor are.
 *
 * @param type as libtorch names it: {@code "cpu"}, {@code "cuda"}, ...
 * @param index which of several; -1 for the only or the current one
 */
public record Device(String type, int index) {
  private static final Pattern TEXT = Pattern.compile("([a-z_]+)(?::(\\d{1,3}))?");
  private static final Device CPU = new Device("cpu", -1);

  /** Checks the parts. */
  public Device {
    Objects.requireNonNull(type, "type");
    if (index < -1) {
      throw new OFTArgumentException(
          "device index " + index + " is negative: use 0 for the first device, -1 for the current");
    }
  }

  /**
   * The memory of the processor.
   *
   * @return {@code cpu}
   */
  public static Device cpu() {
    return CPU;
  }

  /**
   * A GPU of NVIDIA.
   *
   * @param index 0 for the first one
   * @return {@code cuda:index}
   */
  public static Device cuda(int index) {
    return new Device("cuda", index);
  }

  /**
   * Reads the text form.
   *
   * @param text for example {@code "cpu"} or {@code "cuda:0"}
   * @return the device
   * @throws OFTArgumentException where it is no such text
   */
  public static Device parse(String text) {
    var matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new OFTArgumentException(
          "device '" + text + "' cannot be read: write it as 'cpu' or 'cuda:0'");
    }
    String index = matcher.group(2);
    return new Device(matcher.group(1), index == null ? -1 : Integer.parseInt(index));
  }

  /**
   * The text form.
   *
   * @return as libtorch writes it
   */
  @Override
  public String toString() {
    return index < 0 ? type : type + ":" + index;
  }
}
